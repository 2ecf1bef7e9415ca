"""The technician that a location would rather have."""

from __future__ import annotations

from servicetitan_crm_async._core.caller import Caller


class PreferredTechnician:
    """The preferred technician of one location at a time. Contract portal alone."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self, location_id: int) -> int | None:
        """The technician's id, if there is one: `GET /locations/{id}/preferredtechnician`.

        Raises:
            NotFound: there is no such location.
        """
        path = {"location_id": location_id}
        return await self._caller.one_or_none("locations.preferred_technician.get", int, path=path)

    async def set(self, location_id: int, preferred_technician_id: int) -> None:
        """Choose the technician: `POST /locations/{id}/preferredtechnician/{preferredTechnicianId}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such location.
        """
        path = {"location_id": location_id, "preferred_technician_id": preferred_technician_id}
        await self._caller.nothing("locations.preferred_technician.set", path=path)
