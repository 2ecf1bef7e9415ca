"""`servicetitan-crm doctor`: each thing that can stand in the way is found, named, and has advice."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from command_kit import clean_environ, command
from rich.console import Console

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.cli.doctor import reading
from servicetitan_crm_async.cli.doctor.examination import examine
from servicetitan_crm_async.cli.doctor.findings import Finding, Status, diagnosis, failed, passed, warned
from servicetitan_crm_async.cli.doctor.scopes import SCOPES, scopes_of
from servicetitan_crm_async.cli.doctor.screen import FindingsScreen
from servicetitan_crm_async.cli.doctor.settings import examine_settings
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.config import RateLimit
from servicetitan_crm_async.contract import CONTRACTS, OPERATIONS, ContractName
from servicetitan_crm_async.errors import ConfigError, NotInContract
from servicetitan_crm_async.sandbox import TICKS_PER_SECOND, Fault, Sandbox, SandboxServer, serve
from servicetitan_crm_async.sandbox.server import system_ticks
from servicetitan_crm_async.sync import ENTITIES


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - set(clean_environ()):
        monkeypatch.delenv(name)


@pytest.fixture
def consult(monkeypatch: pytest.MonkeyPatch, server: SandboxServer) -> Consult:
    return Consult(monkeypatch, server)


class Consult:
    """Calls the doctor with the sandbox's variables, some of them changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, server: SandboxServer) -> None:
        self._monkeypatch, self._server = monkeypatch, server
        self.findings: list[Finding] = []
        self.requests = 0

    async def __call__(
        self,
        *,
        entities: Sequence[str] | None = None,
        contract: ContractName | None = None,
        server: SandboxServer | None = None,
        **changed: str,
    ) -> Exit:
        variables = {f"SERVICETITAN_{name}": value for name, value in changed.items()}
        for name, value in {**(server or self._server).environ, **variables}.items():
            self._monkeypatch.setenv(name, value)
        self.findings, ready = examine_settings(None, contract)
        if ready is not None:
            who, settings = ready
            scopes = scopes_of(settings.contract, entities)
            self.requests = await examine(who, settings, scopes, self.findings.append)
        return Exit(diagnosis(self.findings, requests=self.requests).exit_code)

    def of(self, check: str, status: Status | None = None) -> dict[str, Finding]:
        """The findings of a check, by what was looked at."""
        return {
            each.of: each for each in self.findings if each.check == check and status in (None, each.status)
        }

    def statuses(self, check: str) -> set[Status]:
        return {each.status for each in self.of(check).values()}


async def test_a_healthy_tenant_costs_one_small_request_a_scope(
    consult: Consult, server: SandboxServer
) -> None:
    """Everything is looked at in order and is well; one token; nothing but reading, a record at a time."""
    assert await consult() == Exit.DONE
    assert {each.status for each in consult.findings} == {"ok"}
    checks = list(dict.fromkeys(each.check for each in consult.findings))
    assert checks == ["settings", "dns", "connection", "token", "tenant", "scope", "pace", "clock"]
    assert list(consult.of("scope")) == [scope.entity for scope in SCOPES]
    assert server.sandbox.statistics().token_requests == 1
    visits = [visit for visit in server.sandbox.journal if visit.path != "/connect/token"]
    assert len(visits) == consult.requests == len(SCOPES)
    assert {visit.method for visit in visits} == {"GET"}
    assert {visit.query["pageSize"] for visit in visits} == {"1"}


async def test_the_older_contract_is_asked_for_what_it_has(consult: Consult) -> None:
    """Five lists, one of which takes no page size."""
    assert await consult(contract="openapi-2.0.0") == Exit.DONE
    assert list(consult.of("scope")) == ["customers", "locations", "leads", "bookings", "tag_types"]
    assert consult.of("settings")["SERVICETITAN_CONTRACT"].found == "openapi-2.0.0, from --contract"


@pytest.mark.parametrize(
    ("path", "box", "entities"),
    [
        ("/customers*", "CRM > Customers", ["customers", "customer_contacts"]),
        ("/locations*", "CRM > Locations", ["locations", "location_contacts"]),
        ("/leads*", "CRM > Leads", ["leads"]),
        ("/bookings*", "CRM > Bookings", ["bookings"]),
        ("/tag-types*", "Settings > Tag Types", ["tag_types"]),
        ("/contacts*", "CRM > Contacts", ["contacts"]),
        ("/booking-provider-tags*", "CRM > Booking Provider Tags", ["booking_provider_tags"]),
    ],
)
async def test_a_scope_that_is_lacking_is_named_with_the_box_to_tick(
    path: str, box: str, entities: list[str], consult: Consult, server: SandboxServer
) -> None:
    """And with the entities it keeps from being read; the others are looked at all the same."""
    server.sandbox.faults.add(Fault.status(403, path=path, times=None))
    assert await consult() == Exit.FAILED
    lacking = consult.of("scope", "failed")
    assert list(lacking) == entities
    assert len(consult.of("scope", "ok")) == len(SCOPES) - len(entities)
    assert consult.statuses("tenant") == {"ok"}
    for finding in lacking.values():
        assert f"403, without {box}" in finding.found
        assert f"Tick {box}, to read" in (finding.advice or "")


async def test_an_app_that_may_read_nothing_is_refused(consult: Consult, server: SandboxServer) -> None:
    """403 to everything is that of an app which is not connected to this tenant, or of one without scopes."""
    server.sandbox.faults.add(Fault.status(403, times=None))
    assert await consult() == Exit.REFUSED
    [tenant] = consult.of("tenant", "failed").values()
    assert "SERVICETITAN_TENANT_ID" in (tenant.advice or "")
    assert len(consult.of("scope", "failed")) == len(SCOPES)


async def test_a_wrong_tenant_is_told_from_a_missing_scope(consult: Consult, server: SandboxServer) -> None:
    """404 to everything; there is nothing to say of the scopes then."""
    server.sandbox.faults.add(Fault.status(404, times=None))
    assert await consult() == Exit.FAILED
    [tenant] = consult.of("tenant", "failed").values()
    assert tenant.found.startswith("404")
    assert "SERVICETITAN_TENANT_ID" in (tenant.advice or "")
    assert consult.statuses("scope") == {"skipped"}


async def test_one_path_that_is_not_there_is_the_contracts_fault(
    consult: Consult, server: SandboxServer
) -> None:
    """The tenant answers elsewhere."""
    server.sandbox.faults.add(Fault.status(404, path="/leads", times=None))
    assert await consult() == Exit.FAILED
    [lead] = consult.of("scope", "failed").values()
    assert (lead.of, lead.advice) == ("leads", "Look at --contract.")


async def test_a_wrong_app_key_is_told_from_a_wrong_secret(consult: Consult, server: SandboxServer) -> None:
    """With a wrong secret there is no token, and the API is asked nothing; neither shows what was wrong."""
    assert await consult(APP_KEY="hush") == Exit.REFUSED
    [tenant] = consult.of("tenant", "failed").values()
    assert "look at SERVICETITAN_APP_KEY" in (tenant.advice or "")
    assert consult.requests <= 2
    assert "hush" not in str(consult.findings)

    asked = len(server.sandbox.journal)
    assert await consult(CLIENT_SECRET="hush") == Exit.REFUSED
    [token] = consult.of("token", "failed").values()
    assert "invalid_client" in token.found
    assert "SERVICETITAN_CLIENT_SECRET" in (token.advice or "")
    assert consult.statuses("tenant") == consult.statuses("scope") == {"skipped"}
    assert [visit.path for visit in server.sandbox.journal][asked:] == ["/connect/token"]
    assert "hush" not in str(consult.findings)


async def test_a_name_that_does_not_resolve_ends_what_rests_on_it_alone(consult: Consult) -> None:
    """`.invalid` never resolves (RFC 2606); the token service is asked nevertheless, and tells the time."""
    assert await consult(API_URL="https://nobody.invalid") == Exit.FAILED
    assert list(consult.of("dns", "failed")) == ["nobody.invalid"]
    assert consult.statuses("connection") == consult.statuses("token") == consult.statuses("clock") == {"ok"}
    assert consult.statuses("tenant") == consult.statuses("scope") == {"skipped"}


async def test_a_host_that_takes_no_connection_is_named_with_its_port(consult: Consult) -> None:
    """The token service, without which there is nothing to ask."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        port = taken.getsockname()[1]
        assert await consult(AUTH_URL=f"http://127.0.0.1:{port}/connect/token") == Exit.FAILED
    [door] = consult.of("connection", "failed").values()
    assert (door.of, door.found) == (f"127.0.0.1:{port}", "Connection refused")
    assert consult.statuses("token") == consult.statuses("tenant") == consult.statuses("clock") == {"skipped"}


async def test_what_does_not_speak_tls_is_told_from_what_does_not_answer(
    consult: Consult, server: SandboxServer
) -> None:
    """As when a port of plain HTTP is given as https."""
    assert await consult(API_URL=f"https://127.0.0.1:{server.port}") == Exit.FAILED
    [door] = consult.of("connection", "failed").values()
    assert door.found.startswith("no TLS")


async def test_a_page_that_is_no_api_is_not_taken_for_one(consult: Consult, server: SandboxServer) -> None:
    """200 with something else in it, as from a portal that wants a login."""
    server.sandbox.faults.add(Fault.corrupt(path="/leads", times=None))
    assert await consult() == Exit.FAILED
    [lead] = consult.of("scope", "failed").values()
    assert "no list of records" in lead.found
    assert await consult(AUTH_URL=f"{server.url}/elsewhere") == Exit.FAILED
    [token] = consult.of("token", "failed").values()
    assert "look at SERVICETITAN_AUTH_URL" in (token.advice or "")


@pytest.mark.parametrize(("ahead", "side"), [(90, "behind"), (-90, "ahead of")])
async def test_a_clock_that_is_off_is_a_warning(ahead: int, side: str, consult: Consult) -> None:
    """Nothing fails for it, and the report says by how much."""
    sandbox = Sandbox(customers=5, born=datetime.now(UTC) - timedelta(days=1))

    def clock() -> int:
        return system_ticks() + ahead * TICKS_PER_SECOND

    async with serve(sandbox, clock=clock) as server:
        assert await consult(server=server) == Exit.DONE
    [finding] = consult.of("clock", "warning").values()
    found = re.fullmatch(rf"(\d+) s {side} the service's clock", finding.found)
    assert found is not None
    assert 80 < int(found[1]) < 100


def test_clocks_may_differ_by_five_seconds() -> None:
    """Within which an answer's way and the whole seconds of its date lie."""
    assert [reading.clock(ahead).status for ahead in (0.0, 5.0, -5.0)] == ["ok", "ok", "ok"]
    assert [reading.clock(ahead).status for ahead in (5.1, -5.1)] == ["warning", "warning"]
    assert reading.clock(None).status == "skipped"


def test_other_programs_on_the_same_budget_are_a_warning() -> None:
    """A 429 to so few requests is theirs; the pace in force is said in any case."""
    quiet, busy = (reading.pace(RateLimit(share=0.5), 9, throttled) for throttled in (0, 2))
    assert quiet.status == "ok"
    assert quiet.found.startswith("at most 30 requests a second")
    assert busy.status == "warning"
    assert "2 of them answered with 429" in busy.found


async def test_settings_say_where_they_come_from_and_no_secret(
    consult: Consult, server: SandboxServer
) -> None:
    """Those that are not set say what counts instead; of a secret not even its length is shown."""
    tenant = server.sandbox.tenant
    Path(".env").write_text("SERVICETITAN_CONTRACT=portal\n")
    await consult(entities=["leads"])
    said = {name: finding.found for name, finding in consult.of("settings").items()}
    assert said["SERVICETITAN_TENANT_ID"] == f"{tenant.tenant_id}, from the environment"
    assert said["SERVICETITAN_CLIENT_SECRET"] == said["SERVICETITAN_APP_KEY"] == "from the environment"
    assert said["SERVICETITAN_ENVIRONMENT"] == "production, by default"
    assert said["SERVICETITAN_CONTRACT"] == "portal, from .env"
    everything = str(consult.findings)
    assert tenant.client_secret not in everything
    assert tenant.app_key not in everything


async def test_wrong_settings_are_all_named_and_nothing_is_sent(
    consult: Consult, server: SandboxServer
) -> None:
    """Also a variable that is nearly the name of one."""
    code = await consult(TENANT_ID="hush", APP_KEY="", APPKEY="hush", API_URL="http://example.com")
    assert code == Exit.USAGE
    assert set(consult.of("settings", "failed")) == {
        "SERVICETITAN_TENANT_ID", "SERVICETITAN_APP_KEY", "SERVICETITAN_API_URL",
    }  # fmt: skip
    [unknown] = consult.of("settings", "warning").values()
    assert (unknown.of, unknown.advice) == ("SERVICETITAN_APPKEY", "Was SERVICETITAN_APP_KEY meant?")
    assert {each.check for each in consult.findings} == {"settings"}
    assert "hush" not in str(consult.findings)
    assert not server.sandbox.journal


async def test_a_file_that_cannot_be_used_is_a_wrong_setting(consult: Consult) -> None:
    """The checks do not begin without it."""
    Path(".env").write_bytes(b"\xff")
    assert await consult() == Exit.USAGE
    assert [(each.of, each.found) for each in consult.findings] == [(".env", "is not UTF-8 text")]


def test_entities_can_be_chosen_and_unknown_ones_are_named() -> None:
    """In the order asked for, each once."""
    assert [each.entity for each in scopes_of("portal", ["leads", "contacts", "leads"])] == [
        "leads", "contacts",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="unknown: jobs; known: customers, "):
        scopes_of("portal", ["leads", "jobs"])
    with pytest.raises(NotInContract, match=r"openapi-2\.0\.0 has no contacts\.list"):
        scopes_of("openapi-2.0.0", ["contacts"])


def test_every_entity_of_the_sync_and_every_list_of_its_own_has_a_scope() -> None:
    """So that a list added to the table is looked at, too."""
    by_entity = {scope.entity: scope.operation for scope in SCOPES}
    assert {name: entity.operation for name, entity in ENTITIES.items()}.items() <= by_entity.items()
    alone = {row.name for row in OPERATIONS if row.name.count(".") == 1 and row.name.endswith(".list")}
    # The bookings of a provider are read by the scope of all bookings.
    assert alone - set(by_entity.values()) == {"booking_provider.list"}
    assert {scope.operation for contract in CONTRACTS for scope in scopes_of(contract, None)} == set(
        by_entity.values()
    )


def test_the_weightiest_finding_decides_on_the_exit_code() -> None:
    """What is wrong here comes before refused credentials, and those before the rest; warnings have none."""
    fine, odd = passed("dns", "a", ""), warned("clock", "b", "", None)
    setting = failed("settings", "c", "", None, Exit.USAGE)
    refused = failed("token", "d", "", None, Exit.REFUSED)
    scope = failed("scope", "e", "", None)
    assert diagnosis([fine, odd], requests=3).healthy
    assert diagnosis([fine, odd], requests=3).exit_code == Exit.DONE
    assert diagnosis([scope, fine], requests=3).exit_code == Exit.FAILED
    assert diagnosis([scope, refused], requests=3).exit_code == Exit.REFUSED
    report = diagnosis([scope, refused, odd, setting], requests=3)
    assert (report.healthy, report.failed, report.warnings, report.exit_code) == (False, 3, 1, Exit.USAGE)


def test_a_terminal_gets_a_list_that_can_be_read() -> None:
    """A title for each check, a line for each finding, and advice below it, once where it is the same."""
    console = Console(file=StringIO(), width=60, color_system=None)
    screen = FindingsScreen(console)
    findings = [
        passed("dns", "api.example.com", "192.0.2.1"),
        failed("scope", "customers", "403", "Tick the box."),
        failed("scope", "customer_contacts", "403", "Tick the box."),
        warned("clock", "this machine", "90 s behind", "Set [it] right."),
    ]
    for finding in findings:
        screen.show(finding)
    screen.conclude(diagnosis(findings, requests=1))
    assert isinstance(console.file, StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "Names of hosts",
        "  ok       api.example.com: 192.0.2.1",
        "Scopes",
        "  failed   customers: 403",
        "           Tick the box.",
        "  failed   customer_contacts: 403",
        "Clock",
        "  warning  this machine: 90 s behind",
        "           Set [it] right.",
        "",
        "2 checks failed, 1 warning. 1 request to the API.",
    ]


async def test_without_a_terminal_there_is_a_line_a_finding_and_the_report_last(
    tmp_path: Path, server: SandboxServer
) -> None:
    """For programs; the exit code is that of the report."""
    server.sandbox.faults.add(Fault.status(403, path="/leads", times=None))
    done = await command("doctor", cwd=tmp_path, settings=server.environ)
    *findings, report = done.events
    assert done.err == ""
    assert {each["event"] for each in findings} == {"check"}
    assert [each["of"] for each in findings if each["status"] == "failed"] == ["leads"]
    assert report == {
        "event": "report",
        "healthy": False,
        "failed": 1,
        "warnings": 0,
        "requests": len(SCOPES),
        "exit_code": done.code,
    }
    assert done.code == Exit.FAILED


def test_the_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """A whole command, to be copied."""
    assert main(["doctor", "--help"]) == 0
    assert "servicetitan-crm doctor --entities customers,leads" in capsys.readouterr().out
