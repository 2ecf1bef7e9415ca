"""The commands put together, and what becomes of their errors."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from cyclopts import App, CycloptsError, Group

import servicetitan_crm_async
from servicetitan_crm_async.cli.advice import exit_of, told
from servicetitan_crm_async.cli.commands.audit import audit
from servicetitan_crm_async.cli.commands.completion import completion
from servicetitan_crm_async.cli.commands.doctor import doctor
from servicetitan_crm_async.cli.commands.login import login
from servicetitan_crm_async.cli.commands.logout import logout
from servicetitan_crm_async.cli.commands.nouns import nouns
from servicetitan_crm_async.cli.commands.operations import operations
from servicetitan_crm_async.cli.commands.report import report
from servicetitan_crm_async.cli.commands.request import request
from servicetitan_crm_async.cli.commands.sandbox import sandbox
from servicetitan_crm_async.cli.commands.status import status
from servicetitan_crm_async.cli.commands.sync import sync
from servicetitan_crm_async.cli.debugging import log_lines, place_of, print_traceback, without_option
from servicetitan_crm_async.cli.exits import EXIT_CODES, Exit
from servicetitan_crm_async.cli.interrupts import Stopped
from servicetitan_crm_async.cli.nouns.call_advice import advice_on_call, exit_of_call
from servicetitan_crm_async.cli.nouns.offered import kebab
from servicetitan_crm_async.cli.output import NAME, complain, prepare_stdout
from servicetitan_crm_async.errors import ServiceTitanError

_COMMANDS: dict[str, Callable[..., int]] = {
    "sync": sync,
    "status": status,
    "audit": audit,
    "report": report,
    "sandbox": sandbox,
    "doctor": doctor,
    "login": login,
    "logout": logout,
    "operations": operations,
    "completion": completion,
}
"""In the order of the help."""

_KEEP_A_MIRROR = ("sync", "status", "audit", "report")
"""Commands whose errors leave a mirror to go on from; those of all others end a call."""

_HELP = f"""\
Bring what changed in a ServiceTitan tenant's CRM to where you want it, and read and write its records.

Example: `{NAME} sync --sandbox`

`--debug`, anywhere on the line, writes log lines and the traceback of an error to stderr.

{EXIT_CODES}"""

app = App(name=NAME, help=_HELP, version=lambda: servicetitan_crm_async.__version__, help_format="markdown")
for _place, (_name, _command) in enumerate(_COMMANDS.items()):
    app.command(_command, name=_name, sort_key=_place)
_RECORDS = Group("Records", sort_key=1)
_NOUNS = dict(nouns())
for _place, (_name, _said) in enumerate(_NOUNS.items()):
    # By its path, so that its commands are made when they are asked for.
    app.command(f"{nouns.__module__}:{_name}", name=kebab(_name), help=_said, group=_RECORDS, sort_key=_place)
app.command(request, name="request", group=_RECORDS, sort_key=len(_NOUNS))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; every error becomes advice on stderr and an exit code."""
    given, debug = without_option(sys.argv[1:] if arguments is None else arguments)
    with log_lines(debug):
        try:
            prepare_stdout()
            code = app(
                given, exit_on_error=False, print_error=False, verbose=False, result_action="return_value"
            )
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except Exception as error:
            if debug:
                print_traceback(error)
            return _ended(error, given)
    return int(code) if isinstance(code, int) else Exit.DONE


def _ended(error: Exception, given: Sequence[str]) -> Exit:
    """Say what became of a command and what to do about it."""
    asked = " ".join((NAME, *_asked(given), "--help"))
    match error:
        case CycloptsError():
            complain([str(error), f"Usage: {asked}"])
            return Exit.USAGE
        case ServiceTitanError() if given[0] in _KEEP_A_MIRROR:
            complain(told(error))
            return exit_of(error)
        case ServiceTitanError():
            complain(told(error, advice_on_call(error, asked)))
            return exit_of_call(error)
        case Stopped():
            complain(["stopped.", *getattr(error, "__notes__", ())])
            return Exit.INTERRUPTED if error.number == signal.SIGINT else Exit.TERMINATED
        case OSError():
            complain([f"{error.strerror or place_of(error)}."])
            return Exit.FAILED
        case _:
            complain([f"nobody expected this: {place_of(error)}. Run it again with --debug to see more."])
            return Exit.BUG


def _asked(given: Sequence[str]) -> Iterator[str]:
    """The command that was meant, as far as there is one."""
    at = app
    for word in given:
        if word.startswith("-") or word not in at:
            return
        yield word
        at = at[word]
