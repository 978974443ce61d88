"""What `mesh` exits with: it worked, it did not, it was not understood, it was interrupted."""

FAILED = 1
USAGE = 2
INTERRUPTED = 130
