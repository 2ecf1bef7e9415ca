"""What customers and locations have in common beside their lists."""

from __future__ import annotations

from typing import Generic, TypeVar

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async.models import NoteCreate, Record, Tagged
from servicetitan_crm_async.resources.custom_fields import CustomFields
from servicetitan_crm_async.resources.notes import DeletableNotes
from servicetitan_crm_async.resources.resource import ByIds, Exported
from servicetitan_crm_async.resources.tags import RecordTags

R = TypeVar("R", bound=Record)
N = TypeVar("N", bound=NoteCreate)
A = TypeVar("A", bound=Tagged)


class NotedAndTagged(ByIds[R], Exported[R], Generic[R, N, A]):
    """A noun whose records carry notes (made from an `N`), tags (answered as an `A`) and custom fields."""

    def __init__(self, caller: Caller, noun: str, kind: type[R], tags: type[A]) -> None:
        super().__init__(caller, noun, kind)
        self._notes: DeletableNotes[N] = DeletableNotes(caller, noun)
        self._tags = RecordTags(caller, noun, tags)
        self._custom_fields = CustomFields(caller, noun)

    @property
    def notes(self) -> DeletableNotes[N]:
        """Notes on one record at a time."""
        return self._notes

    @property
    def tags(self) -> RecordTags[A]:
        """Tags of one record at a time; `crm.tags` has those of many customers."""
        return self._tags

    @property
    def custom_fields(self) -> CustomFields:
        """The fields that the company has added to these records."""
        return self._custom_fields
