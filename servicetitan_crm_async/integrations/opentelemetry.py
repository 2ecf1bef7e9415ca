"""OpenTelemetry, behind the extra `[otel]`: a span for each call, one for each of its requests, and metrics.

    from servicetitan_crm_async.integrations.opentelemetry import OpenTelemetryHooks

    async with ServiceTitanCRM.from_env(hooks=[OpenTelemetryHooks()]) as crm:
        ...

Only OpenTelemetry's API is used: where spans and metrics go is the application's to say, and where it does
not say, nothing is recorded. For Prometheus that is (packages `opentelemetry-sdk` and
`opentelemetry-exporter-prometheus`):

    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import generate_latest

    meters = MeterProvider(metric_readers=[PrometheusMetricReader()])
    async with ServiceTitanCRM.from_env(hooks=[OpenTelemetryHooks(meter_provider=meters)]) as crm:
        async for lead in crm.leads.list(status="Open"):
            print(lead.id)
    print(generate_latest().decode())  # what GET /metrics answers; or start_http_server(port)

Spans follow the semantic conventions of HTTP clients. A call is a span of kind INTERNAL below the caller's
current one, named as its operation, `servicetitan.customers.get`; what `ServiceTitanCRM.request` calls is
`servicetitan.request`. Its waits for a token and for a place under the rate limit are part of it. Each try
is a CLIENT span below it, `GET /crm/v2/tenant/{tenant}/customers/{id}`, from the departure until the whole
answer has been read, and each retry an event `servicetitan.retry` with the wait. Requests for tokens have
no spans, and no trace header goes to ServiceTitan. An instrumentation of aiohttp itself beside this one
makes spans of the same requests once more.

| metric | what it is | attributes |
|---|---|---|
| `http.client.request.duration` | histogram: seconds of each try | method, host, port, status, error |
| `http.client.active_requests` | requests under way | method, host, port |
| `servicetitan.response.size` | histogram: bytes of a body, after decompression | operation |
| `servicetitan.retries` | tries that were made again | operation, error |
| `servicetitan.throttled` | answers with status 429 | operation |
| `servicetitan.records.read` | records read page by page | operation |
| `servicetitan.records.landed` | records that syncs wrote | entity |
| `servicetitan.batch.duration` | histogram: seconds a destination took for a batch | entity |

Their names are `http.request.method`, `server.address`, `server.port`, `http.response.status_code`,
`error.type`, `servicetitan.operation` and `servicetitan.entity`; those of requests stand on their spans, too.

`error.type` of a request is the status where the service answered. Where it did not, and of calls and
retries, it is the kind of failure: a name from `servicetitan_crm_async.errors`, or `CancelledError`.
Values of filters that may say something of a person are left out of `url.full`; paths are as they were
sent, ids of tenant and records among them.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from urllib.parse import urlsplit

import msgspec

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.hooks import (
    BatchEvent,
    CallEvent,
    CallInfo,
    EndEvent,
    Hooks,
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
)

try:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import (
        Span,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_tracer,
        set_span_in_context,
    )
except ImportError:
    raise ConfigError("OpenTelemetry needs an extra: pip install 'servicetitan-crm-async[otel]'") from None

__all__ = ["OpenTelemetryHooks"]

_SCOPE = "servicetitan_crm_async"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Boundaries that the conventions advise for durations of requests."""
_BYTES = tuple(4**power for power in range(4, 14))
"""From 256 bytes to 64 MiB."""


class _Open(msgspec.Struct):
    """The spans of a call under way."""

    span: Span
    context: Context
    requests: int = 0
    request: Span | None = None
    """The one that is out."""


class OpenTelemetryHooks(Hooks):
    """Spans and metrics of the clients that it is given to; any number of them, at the same time.

    Spans end with what they stand for, also when that fails or is cancelled, and then have status ERROR;
    so has the span of a request that was answered with status 400 or more, as the conventions want it.

    Args:
        tracer_provider: instead of the global one.
        meter_provider: instead of the global one.
        tenant_attribute: puts `servicetitan.tenant.id` on every span and metric. With many tenants that
            is many time series, which is why it is not there unasked.
        template_attribute: puts `url.template` on `http.client.request.duration`, so that its histogram
            is one for each operation.

    Raises:
        ConfigError: the extra is not installed; raised when this module is imported.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        tenant_attribute: bool = False,
        template_attribute: bool = False,
    ) -> None:
        self._tenant_attribute, self._template_attribute = tenant_attribute, template_attribute
        self._open: dict[CallInfo, _Open] = {}
        release = version("servicetitan-crm-async")
        self._tracer = get_tracer(_SCOPE, release, tracer_provider)
        meter = get_meter(_SCOPE, release, meter_provider)
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._active = meter.create_up_down_counter(
            "http.client.active_requests", unit="{request}", description="Number of active HTTP requests."
        )
        # Not http.client.response.body.size: that is what came over the wire, and so often compressed.
        self._size = meter.create_histogram(
            "servicetitan.response.size",
            unit="By",
            description="Size of the bodies of answers, after decompression.",
            explicit_bucket_boundaries_advisory=_BYTES,
        )
        self._retries = meter.create_counter(
            "servicetitan.retries", unit="{retry}", description="Requests that were made again."
        )
        self._throttled = meter.create_counter(
            "servicetitan.throttled", unit="{response}", description="Answers with status 429."
        )
        self._read = meter.create_counter(
            "servicetitan.records.read", unit="{record}", description="Records read from lists and feeds."
        )
        self._landed = meter.create_counter(
            "servicetitan.records.landed", unit="{record}", description="Records that syncs have written."
        )
        self._batch = meter.create_histogram(
            "servicetitan.batch.duration",
            unit="s",
            description="Time that a destination took for a batch.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    def on_call(self, event: CallEvent) -> None:
        operation = _operation_of(event.call)
        span = self._tracer.start_span(
            f"servicetitan.{operation}",
            kind=SpanKind.INTERNAL,
            attributes=self._of(event.call.tenant_id, operation=operation),
        )
        self._open[event.call] = _Open(span, set_span_in_context(span))

    def on_request(self, event: RequestEvent) -> None:
        call = event.call
        self._active.add(1, self._at(call))
        if (opened := self._open.get(call)) is None:
            return
        attributes = {
            **self._at(call),
            "url.full": f"{call.url}{call.path}" + (f"?{call.query}" if call.query else ""),
        }
        if call.template is not None:
            attributes["url.template"] = call.template
        # Not the number of the attempt: one that got neither token nor place has sent nothing.
        if opened.requests:
            attributes["http.request.resend_count"] = opened.requests
        opened.requests += 1
        opened.request = self._tracer.start_span(
            call.method if call.template is None else f"{call.method} {call.template}",
            context=opened.context,
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )

    def on_response(self, event: ResponseEvent) -> None:
        call = event.call
        self._active.add(-1, self._at(call))
        outcome = _outcome(event)
        context = self._end_request(event, outcome)
        measured = {**self._at(call), **outcome}
        if self._template_attribute and call.template is not None:
            measured["url.template"] = call.template
        self._duration.record(event.seconds, measured, context)
        operation = self._of(call.tenant_id, operation=_operation_of(call))
        if event.status is not None:
            self._size.record(event.size, operation, context)
        if event.status == 429:
            self._throttled.add(1, operation, context)

    def on_retry(self, event: RetryEvent) -> None:
        call = event.call
        attributes = self._of(call.tenant_id, operation=_operation_of(call))
        self._retries.add(1, {**attributes, "error.type": event.error})
        if (opened := self._open.get(call)) is not None:
            opened.span.add_event(
                "servicetitan.retry",
                {"error.type": event.error, "servicetitan.retry.delay": event.seconds},
            )

    def on_end(self, event: EndEvent) -> None:
        if (opened := self._open.pop(event.call, None)) is None:
            return
        if event.error is not None:
            opened.span.set_attribute("error.type", event.error)
            opened.span.set_status(StatusCode.ERROR)
        opened.span.end()

    def on_page(self, event: PageEvent) -> None:
        self._read.add(event.records, self._of(event.tenant_id, operation=event.operation))

    def on_batch(self, event: BatchEvent) -> None:
        attributes = self._of(event.tenant_id, entity=event.entity)
        self._landed.add(event.records, attributes)
        self._batch.record(event.seconds, attributes)

    def _end_request(self, event: ResponseEvent, outcome: dict[str, str | int]) -> Context | None:
        """End the span of a request; where it stands, for metrics that refer to it as their example."""
        opened = self._open.get(event.call)
        if opened is None or (span := opened.request) is None:
            return None
        opened.request = None
        span.set_attributes(outcome)
        if "error.type" in outcome:
            span.set_status(StatusCode.ERROR)
        span.end()
        return set_span_in_context(span, opened.context)

    def _at(self, call: CallInfo) -> dict[str, str | int]:
        """What every span and metric of a request says of it."""
        host, port = _origin(call.url)
        return {
            "http.request.method": call.method,
            "server.address": host,
            "server.port": port,
            **self._of(call.tenant_id),
        }

    def _of(self, tenant_id: int, **about: str) -> dict[str, str | int]:
        named: dict[str, str | int] = {f"servicetitan.{name}": value for name, value in about.items()}
        if self._tenant_attribute:
            named["servicetitan.tenant.id"] = tenant_id
        return named


def _operation_of(call: CallInfo) -> str:
    return call.operation or "request"


def _outcome(event: ResponseEvent) -> dict[str, str | int]:
    """Status and kind of failure, as the conventions have them: of an answer the status is the kind."""
    if event.status is None:
        return {"error.type": event.error or "_OTHER"}
    if event.status < 400:
        return {"http.response.status_code": event.status}
    return {"http.response.status_code": event.status, "error.type": str(event.status)}


@lru_cache(maxsize=64)
def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
