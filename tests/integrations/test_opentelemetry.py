"""What OpenTelemetry is told of a client's work: spans that nest, metrics that count, nothing secret."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from textwrap import dedent, indent

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import url_attributes as developing_url_attributes
from opentelemetry.semconv._incubating.metrics import http_metrics as developing_http_metrics
from opentelemetry.semconv.attributes import (
    error_attributes,
    http_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.semconv.metrics import http_metrics
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry, generate_latest
from web_kit import HASTY, a_few, until

from servicetitan_crm_async import (
    CallTimeout,
    Hooks,
    NotFound,
    RateLimit,
    RateLimited,
    RetryPolicy,
    ServiceTitanCRM,
    Settings,
    Timeouts,
    TransportFailure,
)
from servicetitan_crm_async.hooks import EndEvent
from servicetitan_crm_async.integrations import opentelemetry
from servicetitan_crm_async.integrations.opentelemetry import OpenTelemetryHooks
from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve
from servicetitan_crm_async.sync import sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

UNHURRIED = Settings(
    rate=RateLimit(per_second=100_000), retries=RetryPolicy(attempts=40, initial=0.01, longest=0.05)
)
"""No limit is in the way of many requests at once, and a failure is soon tried again, until it passes."""
TEMPLATE = "/crm/v2/tenant/{tenant}/customers/{id}"


class Collector:
    """Hooks, and all that came of them."""

    def __init__(self, *, tenant_attribute: bool = False, template_attribute: bool = False) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.caller = self.tracers.get_tracer("an application")
        self.hooks = OpenTelemetryHooks(
            tracer_provider=self.tracers,
            meter_provider=MeterProvider([self._reader], shutdown_on_exit=False),
            tenant_attribute=tenant_attribute,
            template_attribute=template_attribute,
        )

    def client(self, server: SandboxServer, settings: Settings = UNHURRIED) -> ServiceTitanCRM:
        return ServiceTitanCRM.from_env(server.environ, settings=settings, hooks=[self.hooks])

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Those that have ended, in that order."""
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def below(self, above: ReadableSpan) -> list[ReadableSpan]:
        return [span for span in self.spans if span.parent == above.context]

    def metrics(self) -> dict[str, Metric]:
        data = self._reader.get_metrics_data()
        return {
            metric.name: metric
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def counted(self, name: str, *by: str) -> dict[tuple[object, ...], float]:
        """The points of a metric by some attributes: sums, and of a histogram how many there are."""
        counts: Counter[tuple[object, ...]] = Counter()
        for point in self.metrics()[name].data.data_points:
            key = tuple((point.attributes or {}).get(attribute) for attribute in by)
            if isinstance(point, NumberDataPoint):
                counts[key] += int(point.value)
            elif isinstance(point, HistogramDataPoint):
                counts[key] += point.count
        return dict(counts)

    def attributes(self) -> Iterator[Mapping[str, object]]:
        """All of all spans, events and metrics."""
        for span in self.spans:
            yield span.attributes or {}
            yield from (event.attributes or {} for event in span.events)
        for metric in self.metrics().values():
            yield from (point.attributes or {} for point in metric.data.data_points)


@pytest.fixture
def seen() -> Collector:
    return Collector()


@pytest.fixture
async def crm(server: SandboxServer, seen: Collector) -> AsyncIterator[ServiceTitanCRM]:
    async with seen.client(server) as crm:
        yield crm


@pytest.fixture
def some(server: SandboxServer) -> int:
    """The id of a customer."""
    return next(a_few(server.sandbox))


async def test_a_call_is_a_span_below_the_callers_with_a_child_for_its_request(
    crm: ServiceTitanCRM, seen: Collector, server: SandboxServer, some: int
) -> None:
    with seen.caller.start_as_current_span("callers"):
        await crm.customers.get(some)
    request, call, callers = seen.spans
    assert (callers.name, callers.parent) == ("callers", None)
    assert (call.name, call.kind, call.parent) == (
        "servicetitan.customers.get",
        SpanKind.INTERNAL,
        callers.context,
    )
    assert dict(call.attributes or {}) == {"servicetitan.operation": "customers.get"}
    assert (request.name, request.kind, request.parent) == (f"GET {TEMPLATE}", SpanKind.CLIENT, call.context)
    assert dict(request.attributes or {}) == {
        http_attributes.HTTP_REQUEST_METHOD: "GET",
        http_attributes.HTTP_RESPONSE_STATUS_CODE: 200,
        server_attributes.SERVER_ADDRESS: server.host,
        server_attributes.SERVER_PORT: server.port,
        url_attributes.URL_FULL: f"{server.url}/crm/v2/tenant/{crm.tenant_id}/customers/{some}",
        developing_url_attributes.URL_TEMPLATE: TEMPLATE,
    }
    assert {span.status.status_code for span in seen.spans} == {StatusCode.UNSET}


async def test_a_path_of_the_callers_own_is_no_name(crm: ServiceTitanCRM, seen: Collector) -> None:
    """There would be as many names as paths."""
    await crm.request("GET", "/crm/v2/tenant/{tenant}/customers", query={"name": "Ada", "page": 1})
    request, call = seen.spans
    assert (call.name, request.name) == ("servicetitan.request", "GET")
    assert developing_url_attributes.URL_TEMPLATE not in (request.attributes or {})


async def test_calls_of_child_tasks_are_below_the_callers_span(
    crm: ServiceTitanCRM, seen: Collector, some: int
) -> None:
    with seen.caller.start_as_current_span("callers"):
        await asyncio.gather(crm.customers.get(some), crm.customers.get(some))
        async with crm.customers.list(page_size=30, active="Any").stream(concurrency=4) as pages:
            numbers = [page.page async for page in pages]
    (callers,) = seen.named("callers")
    names = Counter(span.name for span in seen.below(callers))
    assert names["servicetitan.customers.get"] == 2
    assert names["servicetitan.customers.list"] >= len(numbers) > 2
    calls = [span for span in seen.spans if span.name.startswith("servicetitan.")]
    assert len(calls) == names.total()


async def test_a_hundred_calls_at_once_are_a_hundred_trees() -> None:
    """Each has the request of its own customer, under the caller that asked for that one."""
    seen = Collector()
    async with serve(Sandbox(customers=100, rate_limit=None)) as server, seen.client(server) as crm:
        server.sandbox.faults.add(Fault.status(503, method="GET", probability=0.3, times=30))
        ids = sorted(server.sandbox.records("customers"))[:100]

        async def ask(number: int) -> None:
            with seen.caller.start_as_current_span(str(number)):
                await crm.customers.get(number)

        await asyncio.gather(*(ask(number) for number in ids))
        requests = server.sandbox.statistics().requests
    roots = [span for span in seen.spans if span.parent is None]
    assert sorted(int(root.name) for root in roots) == ids
    assert len({root.context.trace_id for root in roots if root.context}) == len(ids) == 100
    for root in roots:
        (call,) = seen.below(root)
        tries = seen.below(call)
        assert {str((each.attributes or {})["url.full"]).rpartition("/")[2] for each in tries} == {root.name}
        assert [(each.attributes or {}).get("http.request.resend_count") for each in tries] == [
            None,
            *range(1, len(tries)),
        ]
    assert len(seen.spans) == 200 + requests
    assert requests > 100
    assert not seen.hooks._open


async def test_a_retry_is_a_second_child_and_an_event_with_the_wait(
    crm: ServiceTitanCRM, seen: Collector, server: SandboxServer, some: int
) -> None:
    server.sandbox.faults.add(Fault.status(503))
    await crm.customers.get(some)
    (call,) = seen.named("servicetitan.customers.get")
    first, second = seen.below(call)
    assert first.status.status_code is StatusCode.ERROR
    assert _about(first) == (503, "503", None)
    assert second.status.status_code is StatusCode.UNSET
    assert _about(second) == (200, None, 1)
    (event,) = call.events
    assert event.name == "servicetitan.retry"
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= event.timestamp <= second.start_time
    attributes = dict(event.attributes or {})
    wait = attributes.pop("servicetitan.retry.delay")
    assert isinstance(wait, float)
    assert 0 <= wait <= 0.01
    assert attributes == {error_attributes.ERROR_TYPE: "ServiceFault"}
    assert call.status.status_code is StatusCode.UNSET
    assert seen.counted("servicetitan.retries", "servicetitan.operation", "error.type") == {
        ("customers.get", "ServiceFault"): 1
    }


async def test_a_token_that_was_refused_makes_a_retry_too(
    crm: ServiceTitanCRM, seen: Collector, server: SandboxServer, some: int
) -> None:
    await crm.customers.get(some)
    server.sandbox.faults.add(Fault.expire_tokens())
    await crm.customers.get(some)
    _, call = seen.named("servicetitan.customers.get")
    assert [_about(each) for each in seen.below(call)] == [(401, "401", None), (200, None, 1)]
    assert len(seen.spans) == 5, "requests for tokens have no spans"


async def test_a_refusal_is_an_error_of_call_and_request(crm: ServiceTitanCRM, seen: Collector) -> None:
    with pytest.raises(NotFound):
        await crm.customers.get(999_999_999)
    request, call = seen.spans
    assert {span.status.status_code for span in (request, call)} == {StatusCode.ERROR}
    assert _about(request) == (404, "404", None)
    assert _about(call) == (None, "NotFound", None)


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault.reset(), TransportFailure), (Fault.slow(5), CallTimeout)]
)
async def test_without_an_answer_the_kind_of_failure_is_named(
    server: SandboxServer, some: int, fault: Fault, error: type[Exception]
) -> None:
    settings = Settings(retries=RetryPolicy(attempts=1), timeouts=Timeouts(attempt=0.3))
    seen = Collector()
    async with seen.client(server, settings) as crm:
        await crm.leads.list().collect()
        server.sandbox.faults.add(fault)
        with pytest.raises(error):
            await crm.customers.get(some)
    (call,) = seen.named("servicetitan.customers.get")
    (request,) = seen.below(call)
    for span in (call, request):
        assert _about(span) == (None, error.__name__, None)
        assert span.status.status_code is StatusCode.ERROR
    assert seen.counted("http.client.request.duration", "error.type")[(error.__name__,)] == 1


@pytest.mark.parametrize(("path", "requests"), [("/customers/*", 1), ("/connect/token", 0)])
async def test_a_cancelled_call_ends_its_spans(
    crm: ServiceTitanCRM, seen: Collector, server: SandboxServer, some: int, path: str, requests: int
) -> None:
    """Wherever it is: with a request out, or with none yet."""
    server.sandbox.faults.add(Fault.slow(60, path=path))
    call = asyncio.create_task(crm.customers.get(some))
    arrived = "requests" if requests else "token_requests"
    await until(lambda: bool(getattr(server.sandbox.statistics(), arrived)))
    assert not seen.spans
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert len(seen.spans) == 1 + requests
    for span in seen.spans:
        assert _about(span) == (None, "CancelledError", None)
        assert span.status.status_code is StatusCode.ERROR
    assert not seen.hooks._open
    if requests:
        assert seen.counted("http.client.active_requests") == {(): 0}


async def test_nothing_secret_and_nothing_of_a_person_is_told(server: SandboxServer) -> None:
    """Whatever attribute, event or name one looks at, of what succeeds and of what fails."""
    seen = Collector(tenant_attribute=True, template_attribute=True)
    phone, person = "5555550123", "Ada-Byron"
    async with seen.client(server) as crm:
        await crm.customers.list(phone=phone, name=person, active="Any").collect()
        await crm.request("GET", "/crm/v2/tenant/{tenant}/customers", query={"phone": phone})
        server.sandbox.faults.add(Fault.status(400, path="/customers", times=1))
        with pytest.raises(Exception, match="400"):
            await crm.customers.list(name=person).collect()
    urls = [str(each["url.full"]) for each in seen.attributes() if "url.full" in each]
    assert any("phone=***&active=Any" in url for url in urls), urls
    tenant = server.sandbox.tenant
    told = [f"{name}={value}" for each in seen.attributes() for name, value in each.items()]
    told += [f"{span.name} {span.status.description} {span.resource.attributes}" for span in seen.spans]
    told += [event.name for span in seen.spans for event in span.events]
    tokens = list(server.sandbox._gate._tokens)
    hidden = (tenant.client_secret, tenant.app_key, tenant.client_id, phone, person, "Bearer", *tokens)
    assert tokens
    assert len(told) > 50
    assert not [text for text in told for secret in hidden if secret in text]


async def test_spans_that_fail_harm_no_call(server: SandboxServer, some: int) -> None:
    class Broken(SpanProcessor):
        def on_start(self, span: object, parent_context: object = None) -> None:
            raise OSError("no room")

        def on_end(self, span: object) -> None:
            raise OSError("no room")

    class Ends(Hooks):
        def on_end(self, event: EndEvent) -> None:
            ended.append(event)

    ended: list[EndEvent] = []
    broken = TracerProvider(shutdown_on_exit=False)
    broken.add_span_processor(Broken())
    hooks = OpenTelemetryHooks(tracer_provider=broken)
    async with ServiceTitanCRM.from_env(server.environ, settings=HASTY, hooks=[hooks, Ends()]) as crm:
        assert (await crm.customers.get(some)).id == some
    assert [event.error for event in ended] == [None]
    assert not hooks._open


async def test_metrics_have_the_names_units_and_boundaries_of_the_conventions(
    crm: ServiceTitanCRM, seen: Collector, server: SandboxServer, some: int
) -> None:
    await crm.customers.get(some)
    duration = seen.metrics()[http_metrics.HTTP_CLIENT_REQUEST_DURATION]
    assert (duration.unit, duration.description) == ("s", "Duration of HTTP client requests.")
    (point,) = duration.data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert list(point.explicit_bounds) == [
        *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    ]
    assert dict(point.attributes or {}) == {
        http_attributes.HTTP_REQUEST_METHOD: "GET",
        http_attributes.HTTP_RESPONSE_STATUS_CODE: 200,
        server_attributes.SERVER_ADDRESS: server.host,
        server_attributes.SERVER_PORT: server.port,
    }
    (span,) = seen.named(f"GET {TEMPLATE}")
    (example,) = point.exemplars
    assert span.context is not None
    assert (example.trace_id, example.span_id) == (span.context.trace_id, span.context.span_id)
    active = seen.metrics()[developing_http_metrics.HTTP_CLIENT_ACTIVE_REQUESTS]
    assert (active.unit, active.description) == ("{request}", "Number of active HTTP requests.")


async def test_requests_under_way_are_counted_while_they_are(
    crm: ServiceTitanCRM, seen: Collector, server: SandboxServer, some: int
) -> None:
    server.sandbox.faults.add(Fault.slow(60, path="/customers/*", times=2))
    calls = [asyncio.create_task(crm.customers.get(some)) for _ in range(2)]
    await until(lambda: server.sandbox.statistics().requests == 2)
    assert seen.counted("http.client.active_requests", "http.request.method") == {("GET",): 2}
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert seen.counted("http.client.active_requests", "http.request.method") == {("GET",): 0}


async def test_what_a_sync_read_and_landed_is_counted(server: SandboxServer) -> None:
    seen, mirror = Collector(), MemoryDestination()
    async with seen.client(server) as crm:
        report = await sync(crm, mirror, entities=["customers", "leads"])
    landed = {(name,): entity.records for name, entity in report.entities.items()}
    assert len(landed) == 2
    assert all(landed.values())
    assert seen.counted("servicetitan.records.landed", "servicetitan.entity") == landed
    read = seen.counted("servicetitan.records.read", "servicetitan.operation")
    assert read[("customers.list",)] >= landed[("customers",)]
    assert read[("leads.list",)] >= landed[("leads",)]
    assert set(seen.counted("servicetitan.batch.duration", "servicetitan.entity")) == set(landed)
    requests = server.sandbox.statistics().requests
    assert sum(seen.counted("http.client.request.duration").values()) == requests


async def test_a_429_is_counted(server: SandboxServer, seen: Collector) -> None:
    async with seen.client(server, HASTY) as crm:
        await crm.leads.list().collect()
        server.sandbox.faults.add(Fault.rate_limited())
        with pytest.raises(RateLimited):
            await crm.leads.list().collect()
    assert seen.counted("servicetitan.throttled", "servicetitan.operation") == {("leads.list",): 1}


async def test_a_body_counts_with_the_bytes_that_were_decoded(
    crm: ServiceTitanCRM, seen: Collector, some: int
) -> None:
    whole = await crm.with_raw_response(crm.customers.get(some))
    (point,) = seen.metrics()["servicetitan.response.size"].data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert (point.count, point.sum) == (1, len(whole.last.body))


@pytest.mark.parametrize("asked", [False, True])
async def test_tenant_and_template_are_told_where_asked_for(
    server: SandboxServer, some: int, asked: bool
) -> None:
    seen = Collector(tenant_attribute=asked, template_attribute=asked)
    async with seen.client(server) as crm:
        await crm.customers.get(some)
        await sync(crm, MemoryDestination(), entities=["leads"])
        server.sandbox.faults.add(Fault.status(503))
        await crm.customers.get(some)
    tenants = {each.get("servicetitan.tenant.id") for each in seen.attributes()}
    # What an event says is said of its span.
    assert tenants == ({crm.tenant_id, None} if asked else {None})
    with_tenant = seen.counted("http.client.request.duration", "servicetitan.tenant.id", "url.template")
    assert ((crm.tenant_id, TEMPLATE) in with_tenant) is asked
    if not asked:
        assert set(with_tenant) == {(None, None)}
    for metric in seen.metrics().values():
        for point in metric.data.data_points:
            assert ("servicetitan.tenant.id" in (point.attributes or {})) is asked, metric.name


async def test_prometheus_finds_them(server: SandboxServer, some: int) -> None:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    hooks = OpenTelemetryHooks(meter_provider=meters)
    async with ServiceTitanCRM.from_env(server.environ, settings=UNHURRIED, hooks=[hooks]) as crm:
        server.sandbox.faults.add(Fault.status(503))
        await crm.customers.get(some)
        await sync(crm, MemoryDestination(), entities=["leads"])
    text = generate_latest(registry).decode()
    samples = [line for line in text.splitlines() if not line.startswith("#")]

    def value(name: str, *labels: str) -> float:
        (found,) = (s for s in samples if s.startswith(f"{name}{{") and all(label in s for label in labels))
        return float(found.rpartition(" ")[2])

    ok = ('http_request_method="GET"', 'http_response_status_code="200"', f'server_port="{server.port}"')
    requests = server.sandbox.statistics().requests
    assert value("http_client_request_duration_seconds_count", *ok) == requests - 1
    assert value("http_client_request_duration_seconds_count", 'error_type="503"') == 1
    assert value("http_client_active_requests") == 0
    assert value("servicetitan_retries_total", 'servicetitan_operation="customers.get"') == 1
    landed = value("servicetitan_records_landed_total", 'servicetitan_entity="leads"')
    assert landed == len(server.sandbox.records("leads"))
    assert value("servicetitan_batch_duration_seconds_count", 'servicetitan_entity="leads"') >= 1
    assert value("servicetitan_response_size_bytes_count", '"customers.get"') == 2


def _run(program: str, server: SandboxServer) -> asyncio.Future[str]:
    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env={**os.environ, **server.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return asyncio.ensure_future(asyncio.to_thread(run))


async def test_the_program_for_prometheus_runs_as_it_stands(server: SandboxServer) -> None:
    (program,) = (
        dedent(part)
        for part in _paragraphs(opentelemetry.__doc__ or "")
        if "PrometheusMetricReader" in part and part.startswith("    ")
    )
    head = "import asyncio\nfrom servicetitan_crm_async import ServiceTitanCRM\n"
    head += "from servicetitan_crm_async.integrations.opentelemetry import OpenTelemetryHooks\n"
    main = f"async def main():\n{indent(program, '    ')}\nasyncio.run(main())\n"
    said = await _run(head + main, server)
    lines = said.splitlines()
    (read,) = (line for line in lines if line.startswith("servicetitan_records_read_total{"))
    assert float(read.rpartition(" ")[2]) == sum(line.isdigit() for line in lines) > 0, (
        "as many as it printed"
    )
    assert "http_client_request_duration_seconds_bucket{" in said


async def test_the_global_providers_are_used_and_without_hooks_there_are_no_spans(
    server: SandboxServer, some: int
) -> None:
    program = f"""
import asyncio
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.integrations.opentelemetry import OpenTelemetryHooks

async def spans(*hooks):
    async with ServiceTitanCRM.from_env(hooks=hooks) as crm:
        await crm.customers.get({some})
    return len(exporter.get_finished_spans())

async def main():
    early = OpenTelemetryHooks()  # before the application says where they go
    exporter_of = TracerProvider()
    exporter_of.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(exporter_of)
    metrics.set_meter_provider(MeterProvider([reader]))
    print(await spans(), reader.get_metrics_data(), await spans(early), await spans(OpenTelemetryHooks()))
    print(reader.get_metrics_data() is not None)

exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
asyncio.run(main())
"""
    assert (await _run(program, server)).split() == ["0", "None", "2", "4", "True"]


async def test_without_a_provider_calls_work_and_nothing_is_kept(server: SandboxServer, some: int) -> None:
    """The API alone does nothing, so that hooks can be there whether or not somebody looks."""
    hooks = OpenTelemetryHooks()
    async with ServiceTitanCRM.from_env(server.environ, settings=HASTY, hooks=[hooks]) as crm:
        assert (await crm.customers.get(some)).id == some
    assert not hooks._open


def test_without_the_extra_the_error_says_which_one_it_is() -> None:
    program = (
        "import sys; sys.modules['opentelemetry.metrics'] = None\n"
        "from servicetitan_crm_async import ConfigError\n"
        "try:\n    import servicetitan_crm_async.integrations.opentelemetry\n"
        "except ConfigError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "pip install 'servicetitan-crm-async[otel]'" in said


def _about(span: ReadableSpan) -> tuple[object, object, object]:
    attributes = span.attributes or {}
    return (
        attributes.get(http_attributes.HTTP_RESPONSE_STATUS_CODE),
        attributes.get(error_attributes.ERROR_TYPE),
        attributes.get("http.request.resend_count"),
    )


def _paragraphs(text: str) -> list[str]:
    """Of a docstring; an indented block is one, whatever empty lines it has."""
    blocks: list[str] = []
    for part in text.split("\n\n"):
        if blocks and part.startswith("    ") and blocks[-1].startswith("    "):
            blocks[-1] += "\n\n" + part
        else:
            blocks.append(part)
    return blocks
