"""What a call is for and with: its entities, and the options that several calls have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async.contract import MAX_PAGE_SIZE
from servicetitan_crm_async.errors import ConfigError, NotInContract
from servicetitan_crm_async.sync.entities import ENTITIES, Entity


def chosen_entities(caller: Caller, names: Iterable[str] | None) -> list[Entity]:
    """The entities of these names, each once; all that the contract in use can list where none are given.

    Raises:
        ConfigError: an unknown name, or not one name.
        NotInContract: one that the contract in use cannot list.
    """
    if names is None:
        return [entity for entity in ENTITIES.values() if _listable(caller, entity)]
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in ENTITIES]
    if unknown or not wanted:
        what = f"unknown: {', '.join(unknown)}" if unknown else "none given"
        raise ConfigError({"entities": f"{what}; known are {', '.join(ENTITIES)}"})
    chosen = [ENTITIES[name] for name in wanted]
    for entity in chosen:
        caller.operation(entity.operation)
    return chosen


def problems_with(
    caller: Caller, *, concurrency: int, page_size: int | None, instants: Mapping[str, datetime | None]
) -> dict[str, str]:
    """What is wrong with these options, by name."""
    most = MAX_PAGE_SIZE[caller.contract]
    problems = {}
    if concurrency < 1:
        problems["concurrency"] = "must be at least 1"
    if page_size is not None and not 1 <= page_size <= most:
        problems["page_size"] = f"must be 1 to {most} in contract {caller.contract!r}"
    for name, moment in instants.items():
        if moment is not None and moment.utcoffset() is None:
            problems[name] = "must be aware: give it a time zone, such as datetime.UTC"
    return problems


def _listable(caller: Caller, entity: Entity) -> bool:
    try:
        caller.operation(entity.operation)
    except NotInContract:
        return False
    return True
