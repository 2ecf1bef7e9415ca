"""A ServiceTitan to run against: own reading of the contract, imports nothing of the SDK.

    async with serve(Sandbox(customers=500, life=5)) as server:
        os.environ.update(server.environ)

Over sockets with `serve`, or without: `Sandbox.answer(Request("GET", path), now)` is all there is to it.
"""

from __future__ import annotations

from .faults import Fault, FaultScript, When
from .gate import Limits, Tenant
from .instants import TICKS_PER_SECOND, datetime_of, parse_instant, text_of, ticks_of, ticks_of_seconds
from .messages import Answer, Mishap, Request
from .operations import Habits
from .recipe import Recipe
from .records import KINDS, SIDE_KINDS, AnyKind, BookingState, Kind, LeadState, Record, SideKind
from .sandbox import Sandbox
from .server import SandboxServer, serve, system_ticks
from .statistics import Statistics, Visit
from .world import World

__all__ = [
    "KINDS",
    "SIDE_KINDS",
    "TICKS_PER_SECOND",
    "Answer",
    "AnyKind",
    "BookingState",
    "Fault",
    "FaultScript",
    "Habits",
    "Kind",
    "LeadState",
    "Limits",
    "Mishap",
    "Recipe",
    "Record",
    "Request",
    "Sandbox",
    "SandboxServer",
    "SideKind",
    "Statistics",
    "Tenant",
    "Visit",
    "When",
    "World",
    "datetime_of",
    "parse_instant",
    "serve",
    "system_ticks",
    "text_of",
    "ticks_of",
    "ticks_of_seconds",
]
