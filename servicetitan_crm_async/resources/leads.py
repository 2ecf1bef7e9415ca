"""Leads: opportunities to book a job."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import (
    FollowUp,
    FollowUpCreate,
    Lead,
    LeadCreate,
    LeadForm,
    LeadFormAnswer,
    LeadStatus,
    LeadUpdate,
    Model,
    NoteCreate,
)
from servicetitan_crm_async.resources.notes import Notes
from servicetitan_crm_async.resources.resource import ByIds, Exported


class _Dismissal(Model, frozen=True, kw_only=True):
    dismissing_reason_id: int


class Leads(ByIds[Lead], Exported[Lead]):
    """Leads, from the inquiry until they are converted or dismissed."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "leads", Lead)
        self._notes: Notes[NoteCreate] = Notes(caller, "leads")

    @property
    def notes(self) -> Notes[NoteCreate]:
        """Notes on one lead at a time."""
        return self._notes

    def list(
        self,
        *,
        ids: Iterable[int] | None = None,
        status: LeadStatus | str | None = None,
        customer_id: int | None = None,
        is_prospect: bool | None = None,
        without_customer: bool | None = None,
        customer_city: str | None = None,
        customer_state: str | None = None,
        customer_zip: str | None = None,
        customer_created_on_or_after: datetime | None = None,
        customer_created_before: datetime | None = None,
        customer_modified_on_or_after: datetime | None = None,
        lead_customer_name: str | None = None,
        lead_phone: str | None = None,
        is_capture_source_form: bool | None = None,
        gen_perm_url: bool | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[Lead]:
        """Leads that match every filter given: `GET /leads`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`. Contract openapi-2.0.0 knows only `status` and `modified_on_or_after`.

        Raises:
            NotInContract: at once, for a filter the contract in use does not know.
            ConfigError: at once, for a value no filter can have.
        """
        return self._caller.pages("leads.list", Lead, locals())

    async def get(self, lead_id: int) -> Lead:
        """One lead: `GET /leads/{id}`.

        Raises:
            NotFound: there is no such lead.
            NotInContract: openapi-2.0.0 has no such operation.
        """
        return await self._caller.one("leads.get", Lead, path={"lead_id": lead_id})

    async def create(self, lead: LeadCreate) -> Lead:
        """Enter a lead: `POST /leads`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            ConfigError: before sending, when something the contract in use requires is missing:
                contract portal also wants a call reason or a follow-up date.
        """
        if self._caller.contract == "portal" and not (lead.call_reason_id or lead.follow_up_date):
            raise ConfigError({"call_reason_id": "contract 'portal' requires it, or follow_up_date"})
        return await self._caller.one("leads.create", Lead, body=lead)

    async def update(self, lead_id: int, changes: LeadUpdate) -> Lead:
        """Change the fields that are given and leave the others: `PATCH /leads/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such lead.
        """
        return await self._caller.one("leads.update", Lead, path={"lead_id": lead_id}, body=changes)

    async def follow_up(self, lead_id: int, follow_up: FollowUpCreate) -> FollowUp:
        """Say when to follow up next: `POST /leads/{id}/follow-up`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such lead.
        """
        return await self._caller.one("leads.follow_up", FollowUp, path={"lead_id": lead_id}, body=follow_up)

    async def submit_form(self, form: LeadForm, *, id: int | None = None) -> LeadFormAnswer:
        """Hand in what someone filled in on a web site: `POST /leads/form`; it becomes a lead.

        `id` is a query parameter that the service does not explain. Never sent twice: when the answer is
        lost, `TransportFailure.maybe_applied` is true.
        """
        return await self._caller.one("leads.submit_form", LeadFormAnswer, filters={"id": id}, body=form)

    async def dismiss(self, lead_id: int, *, reason_id: int | None = None) -> None:
        """Close a lead that needs no more follow-up: `POST /leads/{id}/dismiss`, `PUT` in openapi-2.0.0.

        `reason_id` is a call reason; contract portal requires it, openapi-2.0.0 has no place for it.
        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            Conflict: the lead was dismissed or converted before.
            NotFound: there is no such lead.
        """
        takes_reason = self._caller.operation("leads.dismiss").body is not None
        if takes_reason and reason_id is None:
            raise ConfigError({"reason_id": f"is required by contract {self._caller.contract!r}"})
        if not takes_reason and reason_id is not None:
            raise ConfigError({"reason_id": f"is not known to contract {self._caller.contract!r}"})
        body = None if reason_id is None else _Dismissal(dismissing_reason_id=reason_id)
        await self._caller.nothing("leads.dismiss", path={"lead_id": lead_id}, body=body)
