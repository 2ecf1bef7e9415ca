"""Notes of customers, locations and leads."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import Note, NoteCreate
from servicetitan_crm_async.resources.resource import Resource

N = TypeVar("N", bound=NoteCreate)


class Notes(Resource[Note], Generic[N]):
    """Notes of one customer, location or lead at a time, whose id is `owner_id`. Contract portal alone."""

    def __init__(self, caller: Caller, owner: str) -> None:
        super().__init__(caller, f"{owner}.notes", Note)

    def list(
        self,
        owner_id: int,
        *,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[Note]:
        """The notes: `GET /{customers, locations or leads}/{id}/notes`.

        Raises:
            NotFound: when iterated, the record they would be on does not exist.
        """
        return self._caller.pages(f"{self._noun}.list", Note, locals(), path={"owner_id": owner_id})

    async def create(self, owner_id: int, note: N) -> Note:
        """Write a note: `POST /{customers, locations or leads}/{id}/notes`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: the record it would be on does not exist.
        """
        return await self._caller.one(f"{self._noun}.create", Note, path={"owner_id": owner_id}, body=note)


class DeletableNotes(Notes[N]):
    """Notes of one customer or location at a time."""

    async def delete(self, owner_id: int, note_id: int) -> None:
        """Delete a note: `DELETE /{customers or locations}/{id}/notes/{noteId}`.

        Raises:
            NotFound: there is no such note, or no longer. Sent again after a lost answer, it can say so
                of a note that this very call has deleted.
        """
        await self._caller.nothing(f"{self._noun}.delete", path={"owner_id": owner_id, "note_id": note_id})
