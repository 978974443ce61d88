"""OpenTelemetry traces: off, and not even loaded, unless the environment says where they go."""
