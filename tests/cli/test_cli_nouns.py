"""The commands of the nouns, against a sandbox: what the service is asked, and what is printed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest
from command_kit import COMMAND, clean_environ, command, finish, running
from desk_kit import Desk, at_a_desk
from serving_kit import served_beside
from terminal_kit import on_a_terminal

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer

HOME = {"street": "1 Main St", "city": "Boise", "state": "ID", "zip": "83702", "country": "USA"}


def held(desk: Desk, kind: str) -> dict[int, str]:
    """What the sandbox holds, as it writes it."""
    return {id_: raw.decode() for id_, (_, raw) in desk.sandbox.records(kind).items()}  # type: ignore[arg-type]


def test_a_list_is_every_record_as_the_service_wrote_it(desk: Desk) -> None:
    """A line each, with every digit and every field, whether or not the models know it."""
    done = desk("customers", "list", "--where", "active=Any")
    assert done.code == 0
    assert {json.loads(line)["id"]: line for line in done.out.splitlines()} == held(desk, "customers")
    assert len(done.out.splitlines()) > 120 / 2


def test_where_narrows_by_the_filters_of_the_method(desk: Desk) -> None:
    """Several at once, in any spelling; instants reach the service in UTC."""
    records = [json.loads(raw) for raw in held(desk, "leads").values()]
    since = sorted(record["createdOn"] for record in records)[len(records) // 2]
    wanted = {r["id"] for r in records if r["createdOn"] >= since and r["status"] == "Open"}
    done = desk("leads", "list", "--where", f"created-on-or-after={since}", "--where", "status=open")
    assert {event["id"] for event in done.events} == wanted
    assert wanted
    query = desk.sandbox.journal[-1].query
    assert (query["status"], query["createdOnOrAfter"]) == ("Open", since[:-2] + "0Z")


def test_a_limit_is_all_that_is_asked_for(desk: Desk) -> None:
    """The page is no larger than what is wanted, and no other is asked for."""
    done = desk("customers", "list", "--limit", "7")
    assert len(done.events) == 7
    assert desk.asked == ["GET /crm/v2/tenant/1001/customers"]
    assert desk.sandbox.journal[-1].query["pageSize"] == "7"


def test_a_limit_above_the_largest_page_stops_in_the_midst_of_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In openapi-2.0.0, whose pages hold 500, the second is cut and a third not asked for."""
    with served_beside(Sandbox(seed=7, customers=1100)) as server:
        desk = at_a_desk(server, capsys, monkeypatch, tmp_path)
        done = desk("customers", "list", "--limit", "600", "--contract", "openapi-2.0.0")
        assert len({event["id"] for event in done.events}) == 600
        assert desk.asked == ["GET /crm/v2/1001/customers"] * 2


def test_a_list_that_takes_no_page_size_is_cut_here(desk: Desk) -> None:
    """openapi-2.0.0 answers the contacts of a customer all at once."""
    of = json.loads(next(iter(held(desk, "customer_contacts").values())))["customerId"]
    every = desk("customers", "contacts", "list", str(of), "--contract", "openapi-2.0.0")
    assert every.events
    one = desk("customers", "contacts", "list", str(of), "--contract", "openapi-2.0.0", "--limit", "1")
    assert one.events == every.events[:1]


def test_columns_are_picked_by_either_spelling_and_keep_their_digits(desk: Desk) -> None:
    """Dotted paths go into objects and lists; the names printed are the service's."""
    chosen = "id,address.city,taxExempt,credit_limit,custom_fields.value"
    done = desk("customers", "list", "--limit", "5", "--columns", chosen)
    records = held(desk, "customers")
    for line in done.out.splitlines():
        picked, whole = json.loads(line), json.loads(records[json.loads(line)["id"]])
        assert list(picked) == ["id", "address.city", "taxExempt", "creditLimit", "customFields.value"]
        assert picked["address.city"] == whole["address"]["city"]
        assert picked["customFields.value"] == [field["value"] for field in whole["customFields"]]
        raw = msgspec.json.decode(records[picked["id"]], type=dict[str, msgspec.Raw])["creditLimit"]
        assert f'"creditLimit":{bytes(raw).decode()}' in line


def test_a_feed_is_written_out_and_says_where_to_go_on(desk: Desk) -> None:
    """What it names on stderr is taken by `--where from=`, and leads to nothing new."""
    done = desk("leads", "export")
    assert {event["id"] for event in done.events} == set(desk.sandbox.records("leads"))
    token = done.err.strip().partition("--where from=")[2]
    assert token
    again = desk("leads", "export", "--where", f"from={token}")
    assert (again.code, again.out) == (0, "")


def test_a_feed_that_is_cut_names_no_token_that_would_lose_records(desk: Desk) -> None:
    """The token of a page goes past all of it."""
    done = desk("leads", "export", "--limit", "3")
    assert len(done.events) == 3
    assert done.err == ""


def test_a_record_is_printed_as_it_was_sent(desk: Desk) -> None:
    """`get` loses nothing that the model does not know."""
    id_, raw = next(iter(held(desk, "customers").items()))
    done = desk("customers", "get", str(id_))
    assert done.code == 0
    assert done.out == raw + "\n"


def test_what_is_under_a_provider_is_reached_by_its_id(desk: Desk) -> None:
    """The provider comes first, then the booking, as in the path."""
    booking = json.loads(next(iter(held(desk, "bookings").values())))
    provider = booking["bookingProviderId"]
    done = desk("booking-provider", "get", str(provider), str(booking["id"]))
    assert done.report["id"] == booking["id"]
    assert desk.asked == [f"GET /crm/v2/tenant/1001/booking-provider/{provider}/bookings/{booking['id']}"]


def test_a_customer_is_created_changed_and_read_again(desk: Desk) -> None:
    """From an option, from a file and from stdin; amounts keep their digits."""
    new = {"name": "Ada Byron", "address": HOME, "locations": [{"name": "Home", "address": HOME}]}
    made = desk("customers", "create", "--data", json.dumps(new))
    assert made.code == 0
    id_ = str(made.report["id"])
    (desk.folder / "change.json").write_text('\ufeff{"creditLimit": 1000.10}', encoding="utf-8")
    assert desk("customers", "update", id_, "--data", "@change.json").code == 0
    assert b'"creditLimit":1000.10' in desk.sandbox.journal[-1].body
    for more, name in ((("--data", "-"), "Ada King"), ((), "Ada Lovelace")):
        assert desk("customers", "update", id_, *more, piped=json.dumps({"name": name})).code == 0
        assert desk("customers", "get", id_).report["name"] == name


def test_a_lead_is_dismissed_by_option_or_by_data(desk: Desk) -> None:
    """Nothing is printed, as the service answers nothing; the second time it is a conflict."""
    first, second = [id_ for id_, raw in held(desk, "leads").items() if '"status":"Open"' in raw][:2]
    done = desk("leads", "dismiss", str(first), "--reason-id", "3")
    assert (done.code, done.out) == (0, "")
    assert desk("leads", "dismiss", str(second), "--data", '{"dismissingReasonId": 3}').code == 0
    for id_ in (first, second):
        assert desk("leads", "get", str(id_)).report["dismissingReasonId"] == 3
    again = desk("leads", "dismiss", str(first), "--reason-id", "3")
    assert again.code == Exit.NOT_ACCEPTED
    assert "409" in again.err


def test_a_booking_is_dismissed_for_its_provider(desk: Desk) -> None:
    """With the words that the client has for it."""
    booking = next(b for raw in held(desk, "bookings").values() if (b := json.loads(raw))["status"] == "New")
    place = (str(booking["bookingProviderId"]), str(booking["id"]))
    done = desk("booking-provider", "dismiss", *place, "--call-reason-id", "3", "--memo", "Not in our area")
    assert (done.code, done.out) == (0, "")
    assert json.loads(desk.sandbox.journal[-1].body) == {
        "callReasonId": 3,
        "dismissingMemo": "Not in our area",
    }


@pytest.mark.parametrize("piped", ["", "  "])
def test_a_body_that_is_nowhere_is_asked_for(desk: Desk, piped: str) -> None:
    """Nothing given and nothing piped in: code 2, and nothing was sent."""
    done = desk("customers", "update", "5", piped=piped)
    assert done.code == Exit.USAGE
    assert "--data is missing: give JSON, @FILE, or - for stdin" in done.err
    assert not desk.sandbox.journal


def test_a_dry_run_prints_the_request_and_sends_nothing(desk: Desk) -> None:
    """Not even a token is asked for."""
    done = desk(
        "customers",
        "update",
        "5",
        "--dry-run",
        "--data",
        '{"name": "Ada", "credit_limit": 10.10, "type": null}',
    )
    assert done.code == 0
    assert done.out == (
        '{"method":"PATCH","path":"/crm/v2/tenant/1001/customers/5",'
        '"body":{"name":"Ada","type":null,"creditLimit":10.10}}\n'
    )
    assert not desk.sandbox.journal
    assert not desk.sandbox.statistics().token_requests


def test_a_dry_run_shows_the_query_too(desk: Desk) -> None:
    """A form takes an id beside its body."""
    done = desk("leads", "submit-form", "--id", "9", "--dry-run", "--data", '{"name": "Ada"}')
    assert done.report["path"] == "/crm/v2/tenant/1001/leads/form?id=9"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("customers get 1", Exit.NOT_FOUND, "Look at the id"),
        ("customers notes list 1", Exit.NOT_FOUND, "Look at the id"),
        ("customers list --where sort=-Nothing", Exit.NOT_ACCEPTED, "customers list --help tells"),
        ("leads get 1 --contract openapi-2.0.0", Exit.USAGE, "use leads.list"),
        ("leads list --contract openapi-2.0.0 --where lead_phone=1", Exit.USAGE, "--where lead_phone"),
        ("customers contacts list-all", Exit.USAGE, "--where customer_ids is required"),
        ("customers list --where external_data_key=k", Exit.USAGE, "--where external_data_values are"),
        ("customers list --limit 0", Exit.USAGE, "--limit must be at least 1"),
        ("customers list --where ids=0", Exit.USAGE, "--where ids must be a positive id"),
        ("customers get 0", Exit.USAGE, "CUSTOMER_ID must be a positive id"),
        ("customers notes list many", Exit.USAGE, "CUSTOMER_ID must be a whole number"),
        ("contacts get 12", Exit.USAGE, "CONTACT_ID must be a GUID"),
        ("customers update 0 --data {\"name\":\"A\"} --dry-run", Exit.USAGE,
         "CUSTOMER_ID must be a positive id"),
        ("tag-types update 5 --data {\"name\":\"\"} --dry-run", Exit.USAGE, "--data name must not be empty"),
        ("customers create --data {\"name\":\"A\",\"locations\":[]}", Exit.USAGE,
         "--data locations a customer needs at least one"),
        ("leads dismiss 5", Exit.USAGE, "--reason-id is required by contract"),
        ("tags add --customer-ids 1", Exit.USAGE, "--tag-type-ids is missing"),
        ("customers update 5 --data @missing.json", Exit.USAGE, "--data cannot be read from missing.json"),
        ("customers lst", Exit.USAGE, 'Did you mean "list"'),
        ("customers get", Exit.USAGE, "customers get --help"),
    ],
)  # fmt: skip
def test_every_error_is_advice_and_a_code(desk: Desk, arguments: str, code: Exit, said: str) -> None:
    """Nothing on stdout, and never a traceback."""
    done = desk(*arguments.split())
    assert (done.code, done.out) == (code, ""), done.err
    assert said in done.err
    assert done.err.startswith("servicetitan-crm: ")
    assert "Traceback" not in done.err


def test_a_scope_that_is_lacking_is_named_with_what_it_is_for(desk: Desk) -> None:
    """Code 3: to write is another scope than to read."""
    desk.sandbox.faults.add(Fault.status(403, times=None))
    for arguments, verb in (("customers list", "read"), ('customers update 5 --data {"name":"A"}', "write")):
        done = desk(*arguments.split())
        assert done.code == Exit.REFUSED
        assert f"the scope to {verb} customers" in done.err


def test_a_change_whose_answer_is_lost_has_a_code_of_its_own(desk: Desk) -> None:
    """Sent once, as it may have taken effect."""
    desk.sandbox.faults.add(Fault.reset(method="POST", applied=True, path="/customers/*/notes"))
    id_ = next(iter(held(desk, "customers")))
    done = desk("customers", "notes", "create", str(id_), "--data", '{"text": "Call back"}')
    assert done.code == Exit.UNSURE
    assert "look before you send it again" in done.err
    assert desk.asked == [f"POST /crm/v2/tenant/1001/customers/{id_}/notes"]


async def test_a_process_lists_and_creates(tmp_path: Path, server: SandboxServer) -> None:
    """As users run it; a pipe gets lines, in UTF-8 whatever the locale."""
    settings = {**server.environ, "PYTHONIOENCODING": "ascii"}
    done = await command("customers", "list", "--where", "active=Any", cwd=tmp_path, settings=settings)
    assert sorted(done.out.splitlines()) == [
        raw.decode() for _, raw in server.sandbox.records("customers").values()
    ]
    assert not done.out.isascii()
    body = '{"name": "Very new", "color": "#1F7A4D"}'
    made = await command("tag-types", "create", "--data", body, cwd=tmp_path, settings=settings)
    assert made.report["id"] in server.sandbox.records("tag_types")


async def test_a_change_that_is_stopped_says_that_it_may_have_taken_effect(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Ctrl-C while it is on its way is code 130, and no traceback."""
    server.sandbox.faults.add(Fault.slow(60, method="POST"))
    arguments = ("tag-types", "create", "--data", '{"name": "Slow", "color": "#1F7A4D"}')
    async with running(*arguments, cwd=tmp_path, settings=server.environ) as process:
        while not any(
            visit.method == "POST" and "tag-types" in visit.path for visit in server.sandbox.journal
        ):
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGINT)
        done = await finish(process)
    assert (done.code, done.out) == (Exit.INTERRUPTED, "")
    assert done.err == (
        "servicetitan-crm: stopped.\n"
        "  What was on its way may have taken effect: look before you send it again.\n"
    )


def test_a_reader_that_has_had_enough_ends_a_list(desk: Desk) -> None:
    """As `head` does: no complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    settings = clean_environ(desk.server.environ)
    arguments = (*COMMAND, "customers", "list")
    done = subprocess.run(arguments, env=settings, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (Exit.READER_GONE, b"")


def test_a_disk_that_is_full_is_no_traceback() -> None:
    """Not even of the little that is written at the end."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run((*COMMAND, "--version"), stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (Exit.FAILED, b"servicetitan-crm: No space left on device.\n")


def test_a_terminal_gets_a_table_that_fits(desk: Desk) -> None:
    """Rows, as many columns as there is room for, and how many records there are."""
    arguments = ("customers", "list", "--limit", "5")
    code, lines = on_a_terminal(*arguments, columns=60, cwd=desk.folder, settings=desk.server.environ)
    assert code == 0
    assert next(line.split() for line in lines if "name" in line) == ["id", "name", "type", "address.city"]
    assert all(len(line) <= 60 for line in lines)
    told = "5 records; there are more: --limit says how many, --json writes all."
    assert told in " ".join(" ".join(lines).split())


def test_a_terminal_gets_a_record_laid_out(desk: Desk) -> None:
    """JSON over several lines, with the digits of the service."""
    id_, raw = next(iter(held(desk, "tag_types").items()))
    code, lines = on_a_terminal(
        *("tag-types", "list", "--json", "--limit", "1"),
        columns=80,
        cwd=desk.folder,
        settings=desk.server.environ,
    )
    assert (code, json.loads(lines[0])["id"]) == (0, id_)
    path = "/settings/v2/tenant/{tenant}/tag-types"
    arguments = ("request", "GET", path, "--query", "pageSize=1")
    code, lines = on_a_terminal(*arguments, columns=80, cwd=desk.folder, settings=desk.server.environ)
    assert json.loads("".join(lines))["data"] == [json.loads(raw)]
    assert len(lines) > 10
