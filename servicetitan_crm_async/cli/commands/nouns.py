"""`servicetitan-crm customers list` and its like: a command for each method of the client.

The commands of a noun are made when one of them is called or explained. `app.py` names a noun by the path of
an attribute of this module, which is made on demand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeAlias, get_type_hints

import msgspec
from cyclopts import App, Parameter

from servicetitan_crm_async.cli.commands.flags import Flag, Tenant
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.nouns.manual import manual, manual_of_noun
from servicetitan_crm_async.cli.nouns.offered import Kind, Verb, kebab, verbs
from servicetitan_crm_async.cli.nouns.values import wanted
from servicetitan_crm_async.cli.output import for_programs, print_json
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import ConfigError

_SCREENFUL = 50
"""Records of a table where nobody says how many."""

_Run: TypeAlias = Callable[..., int]

_Where: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        help="Only those that match; once for each filter.",
        metavar="NAME=VALUE",
        negative="",
        show_default=False,
    ),
]
_Limit: TypeAlias = Annotated[
    int | None,
    Parameter(
        help="So many at most, and no more pages than they take. Where not given all of them, "
        f"in a table {_SCREENFUL}.",
        metavar="NUMBER",
    ),
]
_Columns: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Names between commas, in Python's spelling or the service's: id,address.city.", metavar="NAMES"
    ),
]
_Json: TypeAlias = Annotated[
    Flag, Parameter(help="JSON lines even on a terminal; without a terminal they come anyway.")
]
_Data: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="The body as JSON, @FILE, or - for stdin.",
        metavar="JSON",
        allow_leading_hyphen=True,
    ),
]
_DryRun: TypeAlias = Annotated[
    Flag, Parameter(help="Check all of it, print the method, path and body to be sent, and send nothing.")
]
_Tenant: TypeAlias = Annotated[
    Tenant, Parameter(help="Whose login to use, where there are several; over SERVICETITAN_TENANT_ID.")
]
_Contract: TypeAlias = Annotated[
    ContractName | None,
    Parameter(help="Which published contract to go by, over SERVICETITAN_CONTRACT."),
]


def nouns() -> Iterator[tuple[str, str]]:
    """The name of each noun, and its help text."""
    known = {verb.name.split(".")[0] for verb in verbs()}
    for name in filter(known.__contains__, vars(ServiceTitanCRM)):  # as the client has them
        yield name, manual_of_noun(name)


def __getattr__(name: str) -> App:
    if any(verb.name.startswith(f"{name}.") for verb in verbs()):
        return noun(name)
    raise AttributeError(name)


def noun(name: str) -> App:
    """The commands of a noun, and those of the nouns below it: of `customers` with `customers.notes`."""
    below = [verb for verb in verbs() if verb.name.startswith(f"{name}.")]
    app = App(name=kebab(name.split(".")[-1]), help=manual_of_noun(name), help_format="markdown")
    for verb in below:
        if verb.name.rpartition(".")[0] == name:
            app.command(_COMMANDS[verb.kind](verb), name=verb.words[-1], help=manual(verb))
    depth = name.count(".") + 2
    for inner in dict.fromkeys(tuple(verb.name.split(".")[:depth]) for verb in below):
        if any(verb.name.startswith(f"{'.'.join(inner)}.") for verb in below):
            app.command(noun(".".join(inner)))
    return app


def _lister(verb: Verb) -> _Run:
    def run(
        *place: str,
        where: _Where = (),
        limit: _Limit = None,
        columns: _Columns = None,
        json: _Json = False,
        tenant: _Tenant = None,
        contract: _Contract = None,
    ) -> int:
        from servicetitan_crm_async.cli.nouns.calling import call_of, carry
        from servicetitan_crm_async.cli.nouns.records import show_for
        from servicetitan_crm_async.cli.working import work

        if limit is not None and limit < 1:
            raise ConfigError({"--limit": "must be at least 1"})
        lines = for_programs(json)
        show = show_for(verb.signature.answer, columns, lines=lines)
        call = call_of(verb, place, where=where)
        most = limit if lines else limit or _SCREENFUL
        work(lambda crm: carry(crm, call, most, show), tenant=tenant, contract=contract)
        return Exit.DONE

    return _signed(run, verb, without=() if verb.filters else ("where",))


def _reader(verb: Verb) -> _Run:
    def run(*place: str, tenant: _Tenant = None, contract: _Contract = None) -> int:
        from servicetitan_crm_async.cli.nouns.calling import answered, call_of
        from servicetitan_crm_async.cli.working import work

        call = call_of(verb, place)
        answer = work(lambda crm: answered(crm, call), tenant=tenant, contract=contract)
        print_json(answer or b"null")
        return Exit.DONE

    return _signed(run, verb)


def _writer(verb: Verb) -> _Run:
    def run(
        *place: str,
        data: _Data = None,
        dry_run: _DryRun = False,
        tenant: _Tenant = None,
        contract: _Contract = None,
        **options: str | None,
    ) -> int:
        from servicetitan_crm_async.cli.nouns.calling import answered, call_of
        from servicetitan_crm_async.cli.working import rehearse, work

        call = call_of(verb, place, options=options, data=data)
        if dry_run:
            request = rehearse(call.awaited, tenant=tenant, contract=contract)
            print_json(msgspec.json.encode(request))
            return Exit.DONE
        answer = work(lambda crm: answered(crm, call), tenant=tenant, contract=contract, changes=True)
        if verb.signature.answer is not None:
            print_json(answer)
        elif not for_programs(False):
            print("Done.")
        return Exit.DONE

    return _signed(run, verb, without=() if verb.takes_data else ("data",))


_COMMANDS: Mapping[Kind, Callable[[Verb], _Run]] = {
    "list": _lister,
    "feed": _lister,
    "array": _lister,
    "read": _reader,
    "write": _writer,
}


def _signed(run: _Run, verb: Verb, *, without: tuple[str, ...] = ()) -> _Run:
    """The command with the arguments of its verb in place of `*place` and `**options`."""
    from servicetitan_crm_async.cli.nouns.calling import shown

    kinds = get_type_hints(run, include_extras=True)
    fixed = [
        each.replace(annotation=kinds[each.name])
        for each in inspect.signature(run).parameters.values()
        if each.kind is each.KEYWORD_ONLY and each.name not in without
    ]
    place = [
        inspect.Parameter(shown(verb, name), inspect.Parameter.POSITIONAL_ONLY, annotation=_told(name, kind))
        for name, kind in verb.place.items()
    ]
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_told(name, kind, None)
        )
        for name, kind in verb.options.items()
    ]
    command: Any = run
    command.__signature__ = inspect.Signature([*place, *options, *fixed], return_annotation=int)
    return run


def _told(name: str, kind: object, *default: None) -> object:
    """A text, and for the help what it should be."""
    what = wanted(name, kind).what
    told = Parameter(help=f"{what[0].upper()}{what[1:]}.", metavar=name.split("_")[-1].upper())
    return Annotated[str | None if default else str, told]
