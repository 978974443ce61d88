"""`python -m services.encrypt`: one instance, configured by the environment alone."""

from __future__ import annotations

import sys

from discovery import logs, serve
from discovery.errors import SettingsError
from discovery.serving import warn_of_misspelt_variables
from discovery.settings import load
from services.encrypt.assembly import build
from services.encrypt.settings import EncryptSettings


def main() -> None:
    try:
        settings = load(EncryptSettings)
    except SettingsError as error:
        sys.exit(f"encrypt: {error}")
    logs.configure(settings.log_level)
    warn_of_misspelt_variables([EncryptSettings])
    serve(build(settings), service="encrypt", routes=["/encrypt replay=safe", "/decrypt replay=safe"])


if __name__ == "__main__":
    main()
