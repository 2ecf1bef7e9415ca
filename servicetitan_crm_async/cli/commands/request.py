"""`servicetitan-crm request`: its options."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import msgspec
from cyclopts import Parameter

from servicetitan_crm_async.cli.commands.flags import Flag, Tenant
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.nouns import bodies
from servicetitan_crm_async.cli.output import complain, print_json
from servicetitan_crm_async.errors import ConfigError

_WORDS = {"method": "METHOD", "path": "PATH", "body": bodies.OPTION}
"""What the command line calls the arguments of the client's method."""


def request(
    method: str,
    path: str,
    /,
    *,
    query: Annotated[tuple[str, ...], Parameter(metavar="NAME=VALUE", negative="", show_default=False)] = (),
    data: Annotated[str | None, Parameter(metavar="JSON", allow_leading_hyphen=True)] = None,
    dry_run: Flag = False,
    tenant: Tenant = None,
) -> int:
    """Call any path of any ServiceTitan module, with the token, the rate and the retries of the others.

    Example: `servicetitan-crm request GET '/jpm/v2/tenant/{tenant}/jobs' --query pageSize=5`

    With a body: `servicetitan-crm request POST '/crm/v2/tenant/{tenant}/tags' --data @tags.json --dry-run`

    The answer is printed as it was sent, laid out on a terminal. A GET is sent again where that helps;
    anything else is sent once, and exit code 7 says that it may have taken effect.

    Args:
        method: GET, POST, PUT, PATCH or DELETE.
        path: From the host on; {tenant} stands for the tenant's id.
        query: A query parameter by the service's own name; once for each.
        data: The body as JSON, @FILE, or - for stdin.
        dry_run: Check it, print the method, path and body to be sent, and send nothing.
        tenant: Whose login to use, where there are several; over SERVICETITAN_TENANT_ID.
    """
    from servicetitan_crm_async.cli.working import rehearse, work
    from servicetitan_crm_async.client import Json, ServiceTitanCRM

    pairs = _pairs(query)
    text = bodies.given(data, or_piped=False)
    if data is not None:
        bodies.decoded(text)
    # As it was written, once it is known to be JSON: its numbers keep their digits.
    body = None if text is None else cast("Json", msgspec.Raw(text))

    async def call(crm: ServiceTitanCRM) -> bytes:
        try:
            return await crm.request(method, path, query=pairs, body=body)
        except ConfigError as error:
            problems = {_WORDS.get(name, f"--query {name}"): said for name, said in error.problems.items()}
            raise ConfigError(problems or str(error)) from None

    if dry_run:
        print_json(msgspec.json.encode(rehearse(call, tenant=tenant, contract=None)))
    else:
        _print(work(call, tenant=tenant, contract=None, changes=method.upper() != "GET"))
    return Exit.DONE


def _pairs(query: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    problems: dict[str, str] = {}
    for pair in query:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            problems[f"--query {pair}"] = "must be NAME=VALUE, such as pageSize=5"
        elif name in found:
            problems[f"--query {name}"] = "is given twice"
        found[name] = value
    if problems:
        raise ConfigError(problems)
    return found


def _print(answer: bytes) -> None:
    """Print JSON as every command does; leave what is something else as it came."""
    if not answer.strip():
        return
    try:
        msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if sys.stdout.isatty():
            complain([f"the answer is no JSON but {len(answer):,} bytes that are not for a terminal"])
        else:
            sys.stdout.buffer.write(answer)
            sys.stdout.buffer.flush()
    else:
        print_json(answer)
