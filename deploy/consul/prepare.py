"""Make once what is secret and what must exist before anybody starts: `prepare.py DIRECTORY OWNER SERVICE...`

`DIRECTORY/gossip/gossip.json` gets the key that Consul's agents encrypt their gossip with. `DIRECTORY/SERVICE/token` is
there for each service, empty until `access.py` puts a token in: an empty one asks Consul as nobody in particular. What
exists already is left as it is.
"""

import base64
import json
import os
import secrets
import sys
from pathlib import Path


def prepare(directory: Path, owner: int, services: list[str]) -> None:
    """`owner`: the user and group ID that services run as, and the only one that may read their tokens."""
    # The agents run as a user that differs between images, and nobody else has this directory.
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    once(directory / "gossip" / "gossip.json", json.dumps({"encrypt": key}), 0o444)
    for service in services:
        token = directory / service / "token"
        once(token, "", 0o400)
        os.chown(token, owner, owner)


def once(file: Path, content: str, mode: int) -> None:
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        file.chmod(mode)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
