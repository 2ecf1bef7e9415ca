"""Locations: where work is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicetitan_crm_async._core.caller import ActiveText, Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import (
    Active,
    Location,
    LocationCreate,
    LocationNoteCreate,
    LocationTags,
    LocationUpdate,
)
from servicetitan_crm_async.resources.external_data import check_external_data
from servicetitan_crm_async.resources.noted import NotedAndTagged
from servicetitan_crm_async.resources.owned_contacts import LocationContacts
from servicetitan_crm_async.resources.preferred_technician import PreferredTechnician


class Locations(NotedAndTagged[Location, LocationNoteCreate, LocationTags]):
    """Locations, each of exactly one customer; lists are of active ones unless `active` says otherwise."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "locations", Location, LocationTags)
        self._contacts = LocationContacts(caller)
        self._preferred_technician = PreferredTechnician(caller)

    @property
    def contacts(self) -> LocationContacts:
        """Contacts of one location, or of all."""
        return self._contacts

    @property
    def preferred_technician(self) -> PreferredTechnician:
        """The technician that a location would rather have."""
        return self._preferred_technician

    def list(
        self,
        *,
        ids: Iterable[int] | None = None,
        customer_id: int | None = None,
        name: str | None = None,
        street: str | None = None,
        unit: str | None = None,
        city: str | None = None,
        state: str | None = None,
        zip: str | None = None,
        country: str | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        active: Active | ActiveText | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        external_data_application_guid: str | None = None,
        external_data_key: str | None = None,
        external_data_values: Sequence[str] | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[Location]:
        """Locations that match every filter given: `GET /locations`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`. Contract openapi-2.0.0 knows only `customer_id` and
        `modified_on_or_after`.

        Raises:
            NotInContract: at once, for a filter the contract in use does not know.
            ConfigError: at once, for a value no filter can have, and for an external data key without
                values or values without a key.
        """
        pages = self._caller.pages("locations.list", Location, locals())
        check_external_data(external_data_key, external_data_values)
        return pages

    async def get(self, location_id: int) -> Location:
        """One location, active or not: `GET /locations/{id}`.

        Raises:
            NotFound: there is no such location.
        """
        return await self._caller.one("locations.get", Location, path={"location_id": location_id})

    async def create(self, location: LocationCreate) -> Location:
        """Add a location to a customer: `POST /locations`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true. The
        service copies the contacts of a new location to its customer.

        Raises:
            ConfigError: before sending, when something the contract in use requires is missing.
        """
        return await self._caller.one("locations.create", Location, body=location)

    async def update(self, location_id: int, changes: LocationUpdate) -> Location:
        """Change the fields that are given and leave the others: `PATCH /locations/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such location.
        """
        return await self._caller.one(
            "locations.update", Location, path={"location_id": location_id}, body=changes
        )
