"""The technician a location prefers. Technicians are no part of this API, so any id passes for one."""

from __future__ import annotations

from .dice import Dice
from .messages import Reply
from .operations import Call, done, ok

_PREFERENCE = -4


def get_preferred_technician(call: Call) -> Reply:
    """The id of the technician, or null; every fourth location prefers somebody by itself."""
    location, chosen = call.record("locations"), call.world.preferred_technicians
    if location.id not in chosen:
        dice = Dice(call.world.key, location.id, _PREFERENCE)
        return ok(551 + dice.below(8) if dice.chance(25) else None)
    return ok(chosen[location.id])


def set_preferred_technician(call: Call) -> Reply:
    """Prefer a technician from now on; the location shows nothing of it, so its stamp stays."""
    location, technician = call.record("locations"), call.path_id("preferredTechnicianId")
    call.world.preferred_technicians[location.id] = technician
    return done()
