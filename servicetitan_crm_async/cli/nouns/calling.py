"""One command of a noun: from its words to a call of the client, and to where the answer is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

import msgspec

from servicetitan_crm_async.cli.nouns import bodies
from servicetitan_crm_async.cli.nouns.offered import Verb, kebab
from servicetitan_crm_async.cli.nouns.records import Rest, Show
from servicetitan_crm_async.cli.nouns.values import nearest, read_pairs, wanted
from servicetitan_crm_async.contract import MAX_PAGE_SIZE, operation
from servicetitan_crm_async.errors import ConfigError

if TYPE_CHECKING:
    from servicetitan_crm_async import Feed, Pages, ServiceTitanCRM

_AHEAD = 4
"""Pages under way at once, where the whole list is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A verb with all that it was given, each of its own type."""

    verb: Verb
    place: Mapping[str, object]
    arguments: Mapping[str, object]
    body: msgspec.Struct | None = None

    def on(self, crm: ServiceTitanCRM) -> Any:
        """Call the client's method; what it answers is the method's own.

        Raises:
            ConfigError: as the method does, in the words of the command line.
        """
        with self._respelt():
            return self._called(crm)

    async def awaited(self, crm: ServiceTitanCRM) -> object:
        """Call it and wait for its end; raises as `on` does."""
        with self._respelt():
            return await self._called(crm)

    def _called(self, crm: ServiceTitanCRM) -> Any:
        *nouns, last = self.verb.name.split(".")
        above = self.verb.signature.above
        owner = reduce(lambda found, noun: self._led(getattr(found, noun), noun), nouns, cast("Any", crm))
        place = [value for name, value in self.place.items() if name not in above]
        body = [] if self.body is None else [self.body]
        return getattr(owner, last)(*place, *body, **self.arguments)

    def _led(self, member: Any, noun: str) -> Any:
        """What a noun leads to; one of many is chosen by what it is called with: `booking_provider(7)`."""
        above = self.verb.signature.above
        return member(*(self.place[name] for name in above)) if noun in above else member

    @contextmanager
    def _respelt(self) -> Iterator[None]:
        """Give the errors of the method the names that the command line has for its arguments."""
        try:
            yield
        except ConfigError as error:
            told = {_label(self.verb, name): problem for name, problem in error.problems.items()}
            raise type(error)(told or str(error)) from None


def call_of(
    verb: Verb,
    place: Sequence[str],
    *,
    where: Sequence[str] = (),
    options: Mapping[str, str | None] | None = None,
    data: str | None = None,
) -> Call:
    """A call from words.

    Raises:
        ConfigError: naming what is wrong, and what it should be.
    """
    problems: dict[str, str] = {}
    values: dict[str, object] = {}
    for (name, kind), text in zip(verb.place.items(), place, strict=True):
        _read(_label(verb, name), name, kind, text, values, problems)
    if problems:
        raise ConfigError(problems)
    arguments: Mapping[str, object] = read_pairs("--where", where, verb.filters, " ".join(verb.words))
    body = None
    if verb.body is not None:
        body = bodies.body_of(verb.body, bodies.given(data, or_piped=True))
    if verb.options:
        arguments = _arguments(verb, options or {}, data if verb.body is None else None)
    return Call(verb=verb, place=values, arguments=arguments, body=body)


async def carry(crm: ServiceTitanCRM, call: Call, limit: int | None, show: Show) -> None:
    """Show the records of a list as they come, up to `limit` of them.

    Raises:
        ServiceTitanError: as the call; what has been shown before stays.
    """
    if call.verb.kind == "array":
        records = msgspec.json.decode(await answered(crm, call), type=list[msgspec.Raw])
        show.take([bytes(record) for record in records[:limit]])
        show.end(Rest(more=limit is not None and len(records) > limit))
    elif call.verb.kind == "feed":
        show.end(await _feed(call.on(crm), limit, show))
    else:
        show.end(await _pages(_sized(call, crm, limit).on(crm), limit, show))


async def answered(crm: ServiceTitanCRM, call: Call) -> bytes:
    """What the service answers to a call that is awaited, as it was sent: the model may know less of it."""
    return (await crm.with_raw_response(call.awaited(crm))).last.body


async def _pages(pages: Pages[object], limit: int | None, show: Show) -> Rest:
    if limit is None:
        async with pages.raw().stream(concurrency=_AHEAD) as stream:
            async for page in stream:
                show.take([record.data for record in page])
        return Rest()
    left = limit
    async for page in pages.raw().pages():
        show.take([record.data for record in page[:left]])
        over, left = len(page) - left, left - len(page)
        if left <= 0:
            return Rest(more=over > 0 or page.has_more)
    return Rest()


async def _feed(feed: Feed[object], limit: int | None, show: Show) -> Rest:
    left = limit
    async for page in feed.raw().pages():
        taken = page[:left]
        show.take([record.data for record in taken])
        if len(taken) < len(page):
            return Rest(more=True)  # the token goes past what was left out, and would lose it
        left = None if left is None else left - len(taken)
        if left == 0 or not page.has_more:
            return Rest(more=page.has_more, continue_from=page.continue_from)
    return Rest()


def _sized(call: Call, crm: ServiceTitanCRM, limit: int | None) -> Call:
    """The call with pages no larger than what is wanted, where the operation lets one say so."""
    contract = crm.settings.contract
    if limit is None or "pageSize" not in operation(contract, call.verb.name).filters:
        return call
    size = min(limit, MAX_PAGE_SIZE[contract])
    return Call(verb=call.verb, place=call.place, arguments={**call.arguments, "page_size": size})


def _arguments(verb: Verb, options: Mapping[str, str | None], data: str | None) -> dict[str, object]:
    """The other arguments, from options and from `--data`, which names the fields of the body."""
    problems: dict[str, str] = {}
    found: dict[str, object] = {}
    for name, text in options.items():
        if text is not None:
            _read(_label(verb, name), name, verb.options[name], text, found, problems)
    if data is not None:
        for field, value in bodies.object_of(bodies.given(data, or_piped=False)).items():
            _take_field(verb, field, value, found, problems)
    for name in verb.required_options:
        if name not in found and not problems:
            problems[_label(verb, name)] = "is missing"
    if problems:
        raise ConfigError(problems)
    return found


def _take_field(
    verb: Verb, field: str, value: object, found: dict[str, object], problems: dict[str, str]
) -> None:
    name, label = verb.option_of(field), bodies.labelled(field)
    if name is None:
        problems[label] = f"is no field of it{nearest(field, verb.row_fields)}"
    elif name in found:
        problems[label] = "is given twice"
    else:
        # Written as the option would be, so that it is checked as the option is.
        text = ",".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(text, bool) or not isinstance(text, int | str):
            problems[label] = f"must be {wanted(name, verb.options[name]).what}"
        else:
            _read(label, name, verb.options[name], str(text), found, problems)


def _read(
    label: str, name: str, kind: object, text: str, found: dict[str, object], problems: dict[str, str]
) -> None:
    try:
        found[name] = wanted(name, kind).read(label, text)
    except ConfigError as error:
        problems |= error.problems


def _label(verb: Verb, name: str) -> str:
    """What the command line calls an argument of the method."""
    if name in verb.place:
        return shown(verb, name).upper()
    if name in verb.filters:
        return f"--where {name.rstrip('_')}"
    if name in verb.options:
        return f"--{kebab(name)}"
    if name == "page_size":
        return "--limit"
    return bodies.OPTION if name == "body" else bodies.labelled(name)


def shown(verb: Verb, name: str) -> str:
    """The name of an argument that stands in the path: whose id `owner_id` is, the noun before says."""
    if name != "owner_id":
        return name
    owner = verb.name.split(".")[-3]
    return "booking_id" if owner == "booking_provider" else f"{owner.removesuffix('s')}_id"
