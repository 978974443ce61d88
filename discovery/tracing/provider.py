"""Who makes spans in this process: nobody, unless the environment names a collector or the program has seen to it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from discovery.instance import Instance
from discovery.tracing.settings import TracingSettings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

log = logging.getLogger(__name__)


@contextmanager
def tracer_provider(settings: TracingSettings, instance: Instance) -> Iterator[TracerProvider | None]:
    """Spans are exported while the context lasts. When tracing is off it is None, and nothing is loaded.

    Raises SettingsError.
    """
    endpoint = settings.endpoint()
    if endpoint is None:
        yield None
        return
    try:
        from discovery.tracing.pipeline import Pipeline
    except ImportError as error:
        log.warning("no traces: install discovered-mesh[tracing]", extra={"error": str(error)})
        yield None
        return
    pipeline = Pipeline(endpoint, instance)
    try:
        yield pipeline.provider
    finally:
        pipeline.end()


@contextmanager
def tracing_everywhere(settings: TracingSettings, instance: Instance) -> Iterator[None]:
    """The same for all who look for OpenTelemetry's global provider: FastAPI, our `client`, any instrumentation.

    A program that has set up OpenTelemetry by itself is left alone. Raises SettingsError.
    """
    if global_tracer() is not None:
        yield
        return
    with tracer_provider(settings, instance) as provider:
        if provider is not None:
            from opentelemetry import trace

            trace.set_tracer_provider(provider)
        yield


def global_tracer() -> Tracer | None:
    """None when nobody has set up OpenTelemetry here, for which its API would have to be loaded."""
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    unset = isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider)
    return None if unset else provider.get_tracer("discovery")
