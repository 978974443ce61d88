"""Is the service in this container ready? `python -IS healthcheck.py PORT_VARIABLE` exits with 0 if it is.

A slim image has no curl. This needs the standard library only and starts in the tenth of the time that the service's
own packages take, as it is run every few seconds.
"""

import http.client
import os
import sys


def is_ready(port: int) -> bool:
    """Whether what listens on loopback answers `/readyz` with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(os.environ[sys.argv[1]])) else 1)
