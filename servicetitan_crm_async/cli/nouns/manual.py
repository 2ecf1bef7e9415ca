"""What `--help` says about a command of a noun; pure."""

from __future__ import annotations

from collections.abc import Container, Sequence

from servicetitan_crm_async.cli.nouns.examples import example
from servicetitan_crm_async.cli.nouns.offered import Verb, verbs
from servicetitan_crm_async.cli.nouns.signatures import said_of
from servicetitan_crm_async.cli.nouns.values import wanted
from servicetitan_crm_async.contract import CONTRACTS, Operation

_SORT = "+ or - and a name, as a rule Id, ModifiedOn or CreatedOn"
_FEED = "a day such as 2026-01-31, or the continueFrom that an earlier export ended with"
_TOLD: dict[str, str] = {"sort": _SORT, "from_": _FEED}
"""Filters of which the type says too little."""


def manual(verb: Verb) -> str:
    """The help text, in Markdown."""
    parts = [f"{first_line(verb.signature.said)}.", f"Example: `{example(verb)}`"]
    parts += [f"Request: `{verb.row.method} {verb.row.path}`", *_filters(verb)]
    parts += [part for row in verb.rows.values() for part in _fields(verb, row)]
    parts += _fate(verb)
    absent = [contract for contract in CONTRACTS if contract not in verb.rows]
    parts += [f"Contract {contract} has no such operation." for contract in absent]
    return "\n\n".join(parts)


def manual_of_noun(name: str) -> str:
    """The help text of a noun, in Markdown."""
    below = [verb for verb in verbs() if verb.name.startswith(f"{name}.")]
    best = next((verb for verb in below if verb.name == f"{name}.list"), below[0])
    return f"{first_line(said_of(name))}.\n\nExample: `{example(best)}`"


def first_line(docstring: str) -> str:
    """What a docstring begins with, without the request or the other way that it names."""
    line = docstring.split("\n\n")[0].replace("\n", " ")
    return line.split(": `")[0].split("; `")[0].rstrip(".")


def _filters(verb: Verb) -> list[str]:
    if not verb.filters:
        return []
    told = {name: _TOLD.get(name) or wanted(name, kind).what for name, kind in verb.filters.items()}
    lines = [f"- {name.rstrip('_')}: {what}" for name, what in told.items()]
    return ["What `--where` knows, as `NAME=VALUE`:", "\n".join(lines)]


def _fields(verb: Verb, row: Operation) -> list[str]:
    if row.body is None or verb.body is None:
        return []
    tree = _tree((*row.body.required, *row.body.optional), set(row.body.required), "")
    return [f"Fields of `--data` in contract {row.contract}, `*` marks what is required: `{tree}`"]


def _tree(paths: Sequence[str], required: Container[str], above: str) -> str:
    """`name*, locations[]* {name*, address* {street*, …}}`."""
    told = []
    for path in paths:
        name = path.removeprefix(above)
        if not path.startswith(above) or "." in name:
            continue
        inner = next((part for part in (f"{path}[].", f"{path}.") if _below(part, paths)), "")
        mark = "[]" if inner.endswith("[].") else ""
        parts = f" {{{_tree(paths, required, inner)}}}" if inner else ""
        told.append(f"{name}{mark}{'*' if path in required else ''}{parts}")
    return ", ".join(told)


def _below(part: str, paths: Sequence[str]) -> bool:
    return any(path.startswith(part) for path in paths)


def _fate(verb: Verb) -> list[str]:
    if verb.kind != "write":
        return []
    if verb.row.repeatable:
        return ["Sent again where the answer is lost: twice leaves what once does."]
    return ["Never sent twice: exit code 7 says that the answer was lost and it may have taken effect."]
