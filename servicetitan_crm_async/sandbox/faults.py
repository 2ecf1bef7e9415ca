"""Faults as a script: which requests go wrong, how, and how often.

    sandbox.faults.add(Fault.status(503, path="/customers", times=2))
    sandbox.faults.add(Fault.reset(method="POST", applied=True))
    sandbox.faults.add(Fault.cut(keep=200, probability=0.01, times=None))

Faults are tried in the order in which they were added; the first that strikes is the only one for that
request. What chance decides comes from the sandbox's seed, so a run can be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, TypedDict, Unpack

import msgspec

from .messages import Json


class When(TypedDict, total=False):
    """Which requests a fault is for; what is left out is true of all.

    path: what comes after the tenant (`/customers`, `/leads/*/dismiss`), `*` standing for anything;
        `/connect/token` for the token service, which no other pattern but that very path means.
    method: in capitals.
    tenant_id: of the path.
    after: so many matching requests are let through first.
    times: so many are struck, then it is over; None is no end.
    probability: of each.
    """

    path: str
    method: str
    tenant_id: int
    after: int
    times: int | None
    probability: float


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the script; made by the class methods, each named for what happens.

    `applied` says whether the service did what it was asked before things went wrong: the case in which
    repeating a POST makes a second record.
    """

    kind: Literal["status", "reset", "cut", "slow", "refuse_token", "expire_tokens", "odd", "corrupt"]
    when: When
    code: int = 500
    retry_after: float | None = None
    amount: float = 0.0
    applied: bool = False
    field: str = ""
    value: Json = None
    record: int | None = None

    @classmethod
    def status(
        cls, code: int, *, retry_after: float | None = None, applied: bool = False, **when: Unpack[When]
    ) -> Fault:
        """An error answer of any status, with a `Retry-After` if given."""
        return cls("status", when, code=code, retry_after=retry_after, applied=applied)

    @classmethod
    def rate_limited(cls, *, retry_after: float | None = 1.0, **when: Unpack[When]) -> Fault:
        """429, as when another program uses up the same budget; `times` makes it a burst."""
        return cls("status", when, code=429, retry_after=retry_after)

    @classmethod
    def reset(cls, *, applied: bool = False, **when: Unpack[When]) -> Fault:
        """The connection is reset before a byte of the answer."""
        return cls("reset", when, applied=applied)

    @classmethod
    def cut(cls, *, keep: int = 100, **when: Unpack[When]) -> Fault:
        """The connection closes after `keep` bytes of a body announced as longer."""
        return cls("cut", when, amount=keep, applied=True)

    @classmethod
    def slow(cls, seconds: float, **when: Unpack[When]) -> Fault:
        """Half the body comes at once, the rest after these seconds."""
        return cls("slow", when, amount=seconds, applied=True)

    @classmethod
    def refuse_token(cls, **when: Unpack[When]) -> Fault:
        """401 to a token that is valid and stays so."""
        return cls("refuse_token", when, code=401)

    @classmethod
    def expire_tokens(cls, **when: Unpack[When]) -> Fault:
        """Every token handed out so far is taken back, so this request and all that use them get 401."""
        return cls("expire_tokens", when, applied=True)

    @classmethod
    def odd(cls, field: str, value: Json, *, record: int | None = 0, **when: Unpack[When]) -> Fault:
        """A field of one record of the answer, or of all with `record=None`, has another value than it has.

        Null, a value of a wrong type, or a word no enum knows. `address.zip` names a field of a field.
        """
        return cls("odd", when, field=field, value=value, record=record, applied=True)

    @classmethod
    def corrupt(cls, **when: Unpack[When]) -> Fault:
        """A complete body that is no JSON."""
        return cls("corrupt", when, applied=True)

    def matches(self, method: str, resource: str, tenant_id: int | None) -> bool:
        """Whether a request is one of those the fault is for."""
        when = self.when
        if resource == TOKEN_PATH and when.get("path") != TOKEN_PATH:
            return False
        return (
            when.get("method", method) == method
            and when.get("tenant_id", tenant_id) == tenant_id
            and fnmatchcase(resource, when.get("path", "*"))
        )

    def distort(self, body: bytes) -> bytes:
        """The body with what `odd` or `corrupt` does to it; bodies without records stay."""
        if self.kind == "corrupt":
            # Cut off there: damage within a string could still be JSON to a parser that skips the string.
            return body[: len(body) // 2] + b"\xff<html>"
        if self.kind != "odd" or not body:
            return body
        answer = msgspec.json.decode(body)
        if not isinstance(answer, dict):
            return body
        records = answer.get("data", [answer])
        chosen = records if self.record is None else records[self.record : self.record + 1]
        for record in chosen:
            _set(record, self.field.split("."), self.value)
        return msgspec.json.encode(answer)


TOKEN_PATH = "/connect/token"  # noqa: S105  # a path


@dataclass(slots=True)
class _Entry:
    fault: Fault
    seen: int = 0
    struck: int = 0


class FaultScript:
    """The faults of one sandbox, in order, with how often each was met."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(f"faults/{seed}")
        self._entries: list[_Entry] = []

    def add(self, *faults: Fault) -> None:
        """Put faults at the end of the script."""
        self._entries += map(_Entry, faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._entries.clear()

    @property
    def struck(self) -> Sequence[tuple[Fault, int]]:
        """Each fault with the number of requests it struck."""
        return [(entry.fault, entry.struck) for entry in self._entries]

    def strike(self, method: str, resource: str, tenant_id: int | None) -> Fault | None:
        """The fault that this request meets, if any."""
        met: _Entry | None = None
        for entry in self._entries:
            when = entry.fault.when
            if not entry.fault.matches(method, resource, tenant_id):
                continue
            entry.seen += 1
            times = when.get("times", 1)
            if (
                met is not None
                or entry.seen <= when.get("after", 0)
                or (times is not None and entry.struck >= times)
            ):
                continue
            if self._chance.random() < when.get("probability", 1.0):
                entry.struck += 1
                met = entry
        return met.fault if met else None


def _set(record: object, path: Sequence[str], value: Json) -> None:
    for name in path[:-1]:
        record = record.get(name) if isinstance(record, Mapping) else None
    if isinstance(record, dict):
        record[path[-1]] = value
