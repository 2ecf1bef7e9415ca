"""Leads: opportunities to book a job."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import Lead, LeadCreate, LeadStatus, Model


class _Dismissal(Model, frozen=True, kw_only=True):
    dismissing_reason_id: int


class Leads:
    """Leads, from the inquiry until they are converted or dismissed."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

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
        return self._caller.pages(
            "leads.list",
            Lead,
            filters={
                "ids": ids,
                "status": status,
                "customer_id": customer_id,
                "is_prospect": is_prospect,
                "without_customer": without_customer,
                "customer_city": customer_city,
                "customer_state": customer_state,
                "customer_zip": customer_zip,
                "customer_created_on_or_after": customer_created_on_or_after,
                "customer_created_before": customer_created_before,
                "customer_modified_on_or_after": customer_modified_on_or_after,
                "lead_customer_name": lead_customer_name,
                "lead_phone": lead_phone,
                "is_capture_source_form": is_capture_source_form,
                "gen_perm_url": gen_perm_url,
                "created_on_or_after": created_on_or_after,
                "created_before": created_before,
                "modified_on_or_after": modified_on_or_after,
                "modified_before": modified_before,
                "sort": sort,
                "include_total": include_total,
            },
            page_size=page_size,
        )

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
