"""`python -m tests.tracing.without_sdk`: the small application, where OpenTelemetry's SDK is not installed."""

from __future__ import annotations

import sys

from discovery import serve
from tests.discovery.served import app

if __name__ == "__main__":
    sys.modules["opentelemetry.sdk"] = None  # type: ignore[assignment] # which is how an import fails
    serve(app, service="web")
