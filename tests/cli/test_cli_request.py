"""`servicetitan-crm request`: any path, as it was written and as it was answered."""

from __future__ import annotations

import json

import pytest
from desk_kit import Desk

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.sandbox import Fault

TAG_TYPES = "/settings/v2/tenant/{tenant}/tag-types"


def test_the_answer_is_printed_as_it_was_sent(desk: Desk) -> None:
    """The tenant is filled in, the query goes by the service's names."""
    query = ("--query", "pageSize=2", "--query", "sort=-Id", "--query", "active=Any")
    done = desk("request", "get", TAG_TYPES, *query)
    assert done.code == 0
    [answer] = done.events
    assert [record["id"] for record in answer["data"]] == sorted(desk.sandbox.records("tag_types"))[:-3:-1]
    assert desk.asked == ["GET /settings/v2/tenant/1001/tag-types"]


def test_a_body_is_sent_as_it_was_written(desk: Desk) -> None:
    """Every digit and every blank of it, from an option, a file or stdin."""
    body = '{"name": "Amount", "color": "#1F7A4D", "x": 1.10}'
    (desk.folder / "body.json").write_text(body)
    for data, piped in ((body, ""), ("@body.json", ""), ("-", body)):
        desk("request", "POST", TAG_TYPES, "--data", data, piped=piped)
        assert desk.sandbox.journal[-1].body.decode() == body


def test_stdin_is_left_alone_where_nobody_asks_for_it(desk: Desk) -> None:
    """A request in a loop must not eat what the loop reads."""
    assert desk("request", "GET", TAG_TYPES, piped="not JSON").code == 0
    assert desk.sandbox.journal[-1].body == b""


def test_a_dry_run_sends_nothing(desk: Desk) -> None:
    """It prints what would be sent."""
    arguments = ("request", "PUT", "/x/v2/tenant/{tenant}/y", "--query", "a=b c", "--data", '{"x": 1.10}')
    done = desk(*arguments, "--dry-run")
    assert done.out == '{"method":"PUT","path":"/x/v2/tenant/1001/y?a=b%20c","body":{"x":1.10}}\n'
    assert not desk.sandbox.journal


def test_a_get_is_sent_again_and_a_post_is_not(desk: Desk) -> None:
    """What a lost answer to a POST means is left to the person, with a code of its own."""
    desk.sandbox.faults.add(Fault.reset(times=1))
    assert desk("request", "GET", TAG_TYPES).code == 0
    assert len(desk.asked) == 2
    desk.sandbox.faults.add(Fault.reset(times=1))
    done = desk("request", "POST", TAG_TYPES, "--data", "{}")
    assert done.code == Exit.UNSURE
    assert desk.asked[2:] == ["POST /settings/v2/tenant/1001/tag-types"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("FETCH", TAG_TYPES), Exit.USAGE, "METHOD must be GET, POST"),
        (("GET", "settings"), Exit.USAGE, "PATH must begin with one slash"),
        (("GET", "//evil.example/x"), Exit.USAGE, "PATH must begin with one slash"),
        (("GET", "/x/{id}"), Exit.USAGE, "PATH must have no placeholder"),
        (("GET", TAG_TYPES, "--query", "pageSize"), Exit.USAGE, "--query pageSize must be NAME=VALUE"),
        (("GET", TAG_TYPES, "--query", "a=1", "--query", "a=2"), Exit.USAGE, "--query a is given twice"),
        (("POST", TAG_TYPES, "--data", "{"), Exit.USAGE, "--data is no JSON"),
        (("POST", TAG_TYPES, "--data", "-"), Exit.USAGE, "--data is missing"),
        (("POST", TAG_TYPES, "--data", "@nowhere"), Exit.USAGE, "--data cannot be read from nowhere"),
        (("GET", "/jpm/v2/tenant/{tenant}/nothing"), Exit.NOT_FOUND, "of a path"),
        (("POST", TAG_TYPES, "--data", "{}"), Exit.NOT_ACCEPTED, "request --help"),
        (("GET",), Exit.USAGE, "request --help"),
    ],
)
def test_every_error_is_advice_and_a_code(
    desk: Desk, arguments: tuple[str, ...], code: Exit, said: str
) -> None:
    """Nothing on stdout."""
    done = desk("request", *arguments)
    assert (done.code, done.out) == (code, ""), done.err
    assert said in done.err


def test_an_answer_that_says_nothing_prints_nothing(desk: Desk) -> None:
    """As of a tag that is taken off."""
    customer, tag_type = next(
        (record["id"], record["tagTypeIds"][0])
        for _, raw in desk.sandbox.records("customers").values()
        if (record := json.loads(raw))["tagTypeIds"]
    )
    path = f"/crm/v2/tenant/{{tenant}}/customers/{customer}/tags/{tag_type}"
    done = desk("request", "DELETE", path)
    assert (done.code, done.out) == (0, "")
