"""What a user of the cockpit can run into: each is shown as one line, and ends the command with exit code 1.

MeshError
├── BadInput            what was typed, or put in a file, cannot be used
├── NoMesh              no mesh runs that could be meant
├── SeveralMeshes       more than one could be meant
├── AlreadyRunning      a mesh runs where another was to be started
├── PortTaken           somebody else listens where we wanted to
├── NoRegistry          no registry answers
├── NoGateway           no gateway answers
├── NoSuchInstance      nobody is known by that ID or service name
├── Ghost               the process that a registry entry names is not there, or is another one
├── NotReady            something did not serve within its time
├── NotAllowed          the supervisor knows what is meant, and will not do it
└── UnsafeDirectory     the runtime directory could be written by others
"""

from __future__ import annotations


class MeshError(Exception):
    pass


class BadInput(MeshError):
    pass


class NoMesh(MeshError):
    pass


class SeveralMeshes(MeshError):
    pass


class AlreadyRunning(MeshError):
    pass


class PortTaken(MeshError):
    pass


class NoRegistry(MeshError):
    pass


class NoGateway(MeshError):
    pass


class NoSuchInstance(MeshError):
    pass


class Ghost(MeshError):
    pass


class NotReady(MeshError):
    pass


class NotAllowed(MeshError):
    pass


class UnsafeDirectory(MeshError):
    pass
