"""The commands put together, and what becomes of their errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError

import servicetitan_crm_async
from servicetitan_crm_async.cli.advice import exit_of, told
from servicetitan_crm_async.cli.commands.audit import audit
from servicetitan_crm_async.cli.commands.operations import operations
from servicetitan_crm_async.cli.commands.sandbox import sandbox
from servicetitan_crm_async.cli.commands.status import status
from servicetitan_crm_async.cli.commands.sync import sync
from servicetitan_crm_async.cli.exits import EXIT_CODES, Exit
from servicetitan_crm_async.cli.output import NAME, complain
from servicetitan_crm_async.errors import ServiceTitanError

_COMMANDS: dict[str, Callable[..., int]] = {
    "sync": sync,
    "status": status,
    "audit": audit,
    "sandbox": sandbox,
    "operations": operations,
}
"""In the order of the help."""

app = App(
    name=NAME,
    help=f"Bring what changed in a ServiceTitan tenant's CRM to where you want it.\n\n{EXIT_CODES}",
    version=lambda: servicetitan_crm_async.__version__,
    help_format="markdown",
)
for _place, (_name, _command) in enumerate(_COMMANDS.items()):
    app.command(_command, name=_name, sort_key=_place)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that are to be expected become advice on stderr and an exit code."""
    # It warns of every retry, which is news for a log; here retries are counted and shown.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(given, exit_on_error=False, print_error=False, verbose=False, result_action="return_value")
    except CycloptsError as error:
        asked = " ".join(word for word in given[:1] if word in _COMMANDS)
        complain([str(error), f"Usage: {' '.join(filter(None, (NAME, asked, '--help')))}"])
        return Exit.USAGE
    except ServiceTitanError as error:
        complain(told(error))
        return exit_of(error)
    return int(code) if isinstance(code, int) else Exit.DONE
