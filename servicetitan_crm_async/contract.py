"""The route table: every operation of both published contracts, one row each.

The rows of "portal" are what the live service answers, and the default; "openapi-2.0.0" is the older
document. An operation has one name in both, that of the method which serves it. A test compares
every row with the published files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from servicetitan_crm_async.errors import NotInContract

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CONTRACTS",
    "MAX_IDS",
    "MAX_PAGE_SIZE",
    "OPERATIONS",
    "Body",
    "ContractName",
    "Envelope",
    "Method",
    "Operation",
    "operation",
]

ContractName: TypeAlias = Literal["portal", "openapi-2.0.0"]
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Envelope: TypeAlias = Literal["one", "page", "data", "feed", "array", "none"]
"""How an answer is wrapped.

`one`: bare. `page`: `page, pageSize, hasMore, totalCount?, data`. `data`: `{data}` alone, with nothing
that says whether there is more. `feed`: `hasMore, continueFrom, data`. `array`: a JSON array.
`none`: no body, or none worth reading.
"""

CONTRACTS: Final[tuple[ContractName, ...]] = ("portal", "openapi-2.0.0")

MAX_PAGE_SIZE: Final[dict[ContractName, int]] = {"portal": 5000, "openapi-2.0.0": 500}
"""The largest `pageSize`; the service answers 400 to more."""

MAX_IDS: Final = 50
"""How many ids one `ids` filter takes, in either contract."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries, as paths of wire names: `address.street`, `locations[].name`.

    A path below a container holds wherever that container is given: `contacts[].value` among the
    required ones asks nothing of a request without contacts. What is in neither tuple is unknown to
    the contract.
    """

    name: str
    """The schema's name, without its namespace."""
    required: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: what to send, what comes back, and what may be done with it."""

    name: str
    """That of the client's method, `customers.notes.list` for instance; the same in both contracts."""
    contract: ContractName
    method: Method
    path: str
    """From the host on, with its placeholders: `/crm/v2/tenant/{tenant}/customers/{id}`."""
    filters: tuple[str, ...]
    """The query parameters the contract knows, by wire name."""
    body: Body | None
    answer: str | None
    """The name of the schema answered, or of one item where the envelope holds many."""
    envelope: Envelope

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when the fate of the first attempt is unknown.

        PUT and DELETE leave the same state however often they arrive. Dismissals are the exception:
        the second one meets a record that is dismissed already, in whatever method the contract dresses it.
        """
        return self.method in ("GET", "PUT", "DELETE") and not self.name.endswith(".dismiss")

    @property
    def paged(self) -> bool:
        """It takes a page number and a page size."""
        return "page" in self.filters

    @property
    def counted(self) -> bool:
        """It can say how many records there are, where `includeTotal` asks for it."""
        return "includeTotal" in self.filters

    @property
    def sortable(self) -> bool:
        """It takes a sort order: `+ModifiedOn`, `-Id`."""
        return "sort" in self.filters

    @property
    def closed(self) -> bool:
        """Its window of modification can be bounded on both sides, so that a window only loses members."""
        return "modifiedOnOrAfter" in self.filters and "modifiedBefore" in self.filters


def operation(contract: ContractName, name: str) -> Operation:
    """The row of that name.

    Raises:
        NotInContract: this contract has no such operation; the message names what to use instead.
    """
    found = _BY_NAME.get((contract, name))
    if found is None:
        raise NotInContract(_instead(contract, name))
    return found


def _instead(contract: ContractName, name: str) -> str:
    if contract not in CONTRACTS:
        return f"no contract is called {contract!r}: use one of {', '.join(map(repr, CONTRACTS))}"
    elsewhere = [other for other in CONTRACTS if (other, name) in _BY_NAME]
    if not elsewhere:
        from difflib import get_close_matches  # for this message alone

        near = get_close_matches(name, [row.name for row in OPERATIONS if row.contract == contract], n=1)
        return f"no operation is called {name!r}" + (f": use {near[0]}" if near else "")
    switch = f'contract="{elsewhere[0]}"'
    hint = _HINTS.get(name)
    return f"{contract} has no {name}: use {f'{hint}, or {switch}' if hint else switch}"


def _body(
    name: str, required: str = "", optional: str = "", *, within: Mapping[str, Body] | None = None
) -> Body:
    """A body from words, and from what its containers hold (`address`, `locations[]`)."""
    parts = (within or {}).items()
    return Body(
        name,
        (*required.split(), *(f"{place}.{path}" for place, part in parts for path in part.required)),
        (*optional.split(), *(f"{place}.{path}" for place, part in parts for path in part.optional)),
    )


def _row(
    contract: ContractName,
    prefix: str,
    name: str,
    method: Method,
    path: str,
    *,
    filters: tuple[str, ...] = (),
    body: Body | None = None,
    one: str | None = None,
    page: str | None = None,
    data: str | None = None,
    feed: str | None = None,
    array: str | None = None,
) -> Operation:
    """A row; the keyword under which the answer's schema stands is its envelope."""
    answers: tuple[tuple[Envelope, str | None], ...] = (
        ("one", one),
        ("page", page),
        ("data", data),
        ("feed", feed),
        ("array", array),
    )
    nothing: tuple[Envelope, None] = ("none", None)
    envelope, answer = next((pair for pair in answers if pair[1]), nothing)
    return Operation(name, contract, method, prefix + path, filters, body, answer, envelope)


_crm = partial(_row, "portal", "/crm/v2/tenant/{tenant}")
_settings = partial(_row, "portal", "/settings/v2/tenant/{tenant}")
_openapi = partial(_row, "openapi-2.0.0", "/crm/v2/{tenant}")

_PROVIDER = "/booking-provider/{booking_provider}/bookings"
_METHODS = "/contacts/{contactId}/contact-methods"
_METHOD_PREFERENCES = _METHODS + "/{contactMethodId}/preferences"
_RELATIONSHIPS = "/contacts/{contactId}/relationships"
_TECHNICIAN = "/locations/{id}/preferredtechnician"


# Query parameters that travel together.
_PAGING = ("page", "pageSize", "includeTotal")
_CREATED = ("createdBefore", "createdOnOrAfter")
_MODIFIED = ("modifiedBefore", "modifiedOnOrAfter")
_CHANGES = (*_PAGING, *_CREATED, *_MODIFIED)
_PLACE = ("street", "unit", "city", "state", "zip", "country", "latitude", "longitude")
_EXTERNAL = ("externalDataApplicationGuid", "externalDataKey", "externalDataValues")
_LOOKUP = ("ids", "name", *_PLACE, "active", *_EXTERNAL, "sort")
_LEADS_CUSTOMER = (
    "customerCity",
    "customerState",
    "customerZip",
    "customerCreatedBefore",
    "customerCreatedOnOrAfter",
    "customerModifiedOnOrAfter",
)
_CONTACT = ("name", "title", "referenceId", "isArchived")
_FEED = ("from", "includeRecentChanges")

# Bodies that are shared or too long for their row; first what they are made of.
_NEW_ADDRESS = _body("CustomerAddress", "street city state zip country", "unit latitude longitude")
_NEW_CONTACT = _body("NewCustomerContact", "type value", "memo")
_FIELD_VALUE = _body("CustomFieldUpdateModel", "typeId value")
_NEW_EXTERNAL = _body(
    "ExternalDataCreateRequest",
    "applicationGuid externalData",
    within={"externalData[]": _body("ExternalDataModel", "key value")},
)
_NEW_LOCATION = _body(
    "NewLocation",
    "name address",
    "contacts customFields tagTypeIds externalData coordinatesSource coordinatesVerificationStatus",
    within={
        "address": _NEW_ADDRESS,
        "contacts[]": _NEW_CONTACT,
        "customFields[]": _FIELD_VALUE,
        "externalData": _NEW_EXTERNAL,
    },
)
_EXTERNAL_UPDATE = _body(
    "ExternalDataUpdateRequest",
    "applicationGuid externalData",
    "patchMode",
    within={"externalData[]": _body("ExternalDataUpdateModel", "key", "value")},
)
_PREFERENCES = {
    "preferences": _body(
        "ContactPreferencesRequest",
        "jobRemindersEnabled marketingUpdatesEnabled invoiceStatementNotification",
    )
}
_CREATE_CUSTOMER = _body(
    "CreateCustomerRequest",
    "name locations address",
    "type doNotMail doNotService nationalAccount contacts customFields tagTypeIds externalData taxExempt "
    "paymentTermId creditLimit creditLimitBalance",
    within={
        "locations[]": _NEW_LOCATION,
        "address": _NEW_ADDRESS,
        "contacts[]": _NEW_CONTACT,
        "customFields[]": _FIELD_VALUE,
        "externalData": _NEW_EXTERNAL,
    },
)
_UPDATE_CUSTOMER = _body(
    "UpdateCustomerRequest",
    "",
    "name type address customFields externalData doNotMail doNotService nationalAccount active tagTypeIds "
    "taxExempt paymentTermId creditLimit creditLimitBalance",
    within={
        "address": _body("UpdateCustomerAddress", "street unit city state zip country latitude longitude"),
        "customFields[]": _FIELD_VALUE,
        "externalData": _EXTERNAL_UPDATE,
    },
)
_CREATE_LOCATION = Body(
    "CreateLocationRequest", ("customerId", *_NEW_LOCATION.required), _NEW_LOCATION.optional
)
_UPDATE_LOCATION = _body(
    "UpdateLocationRequest",
    "",
    "customerId name address active taxZoneId customFields tagTypeIds externalData",
    within={
        "address": _body("AddressPatchModel", "street unit city state zip country", "latitude longitude"),
        "customFields[]": _FIELD_VALUE,
        "externalData": _EXTERNAL_UPDATE,
    },
)
_CREATE_LEAD = _body(
    "LeadCreateRequest",
    "campaignId summary",
    "customerId locationId businessUnitId jobTypeId tagTypeIds priority callReasonId followUpDate bookingId "
    "leadCustomerName leadPhone leadEmail leadStreet leadUnit leadCity leadState leadZip leadCountry",
)
_UPDATE_LEAD = _body(
    "LeadUpdateRequest",
    "",
    "campaignId priority businessUnitId jobTypeId summary "
    "leadCustomerName leadPhone leadEmail leadStreet leadUnit leadCity leadState leadZip leadCountry",
)
_CREATE_BOOKING = _body(
    "CreateBookingRequest",
    "source name summary isFirstTimeClient externalId",
    "address contacts customerType start campaignId businessUnitId jobTypeId priority uploadedImages "
    "isSendConfirmationEmail",
    within={
        "address": _body("AddressModel", "street city state zip country", "unit"),
        "contacts[]": _body("BookingContactModel", "type value", "memo"),
    },
)
_UPDATE_BOOKING = _body(
    "UpdateBookingRequest",
    "",
    "source name address customerType start summary campaignId businessUnitId jobTypeId priority "
    "isFirstTimeClient uploadedImages externalId",
    within={"address": _body("AddressPatchModel", "street unit city state zip country")},
)
_SUBMIT_FORM = _body(
    "SubmitLeadFormRequest", "name", "email phoneNumber address summary", within={"address": _NEW_ADDRESS}
)
_TAG_TYPE_FLAGS = "isConversionOpportunity allowToUseOnTimesheetActivity isVisibleOnDispatchBoard"

# The same of openapi-2.0.0, which asks for less and knows less.
_OPEN_ADDRESS = _body("Address", "", "street unit city state zip country latitude longitude")
_OPEN_FIELD = _body("CustomField", "", "typeId name value")
_OPEN_CONTACT = _body("ContactCreateRequest", "type value", "memo")
_OPEN_LOCATION = _body("LocationCreateRequest", "address", "name zoneId", within={"address": _OPEN_ADDRESS})
_OPEN_CUSTOMER = _body(
    "CustomerCreateRequest",
    "name type locations",
    "doNotMail doNotService contacts customFields",
    within={"locations[]": _OPEN_LOCATION, "contacts[]": _OPEN_CONTACT, "customFields[]": _OPEN_FIELD},
)
_OPEN_CUSTOMER_UPDATE = _body(
    "CustomerUpdateRequest",
    "",
    "name type doNotMail doNotService customFields",
    within={"customFields[]": _OPEN_FIELD},
)
_OPEN_LOCATION_UPDATE = _body(
    "LocationUpdateRequest", "", "name address zoneId", within={"address": _OPEN_ADDRESS}
)
_OPEN_LEAD = _body(
    "LeadCreateRequest", "summary", "customerId locationId businessUnitId jobTypeId priority campaignId"
)
_OPEN_BOOKING = _body(
    "BookingCreateRequest",
    "name summary start",
    "source address customerType campaignId businessUnitId",
    within={"address": _OPEN_ADDRESS},
)


# A row stays a row: the formatter would make six lines of each.
# fmt: off
OPERATIONS: Final[tuple[Operation, ...]] = (
    _crm("booking_provider_tags.create", "POST", "/booking-provider-tags",
         body=_body("CreateBookingProviderTagRequest", "tagName description"),
         one="CreateBookingProviderTagResponse"),
    _crm("booking_provider_tags.list", "GET", "/booking-provider-tags",
         filters=(*_CHANGES, "name", "ids", "sort"), page="GetBookingProviderTagResponse"),
    _crm("booking_provider_tags.get", "GET", "/booking-provider-tags/{id}",
         one="GetBookingProviderTagResponse"),
    _crm("booking_provider_tags.update", "PATCH", "/booking-provider-tags/{id}",
         body=_body("UpdateBookingProviderTagRequest", "", "tagName description"),
         one="BookingProviderTagResponse"),
    _crm("bookings.get", "GET", "/bookings/{id}", one="BookingResponse"),
    _crm("bookings.list", "GET", "/bookings",
         filters=(*_CHANGES, "ids", "externalId", "sort"), page="BookingResponse"),
    _crm("bookings.contacts.list", "GET", "/bookings/{id}/contacts",
         filters=_PAGING, page="BookingContactResponse"),
    _crm("booking_provider.get", "GET", _PROVIDER + "/{id}", one="BookingResponse"),
    _crm("booking_provider.update", "PATCH", _PROVIDER + "/{id}",
         body=_UPDATE_BOOKING, one="BookingResponse"),
    _crm("booking_provider.list", "GET", _PROVIDER,
         filters=(*_CHANGES, "ids", "externalId", "sort"), page="BookingResponse"),
    _crm("booking_provider.create", "POST", _PROVIDER, body=_CREATE_BOOKING, one="BookingResponse"),
    _crm("booking_provider.contacts.create", "POST", _PROVIDER + "/{id}/contacts",
         body=_body("ContactCreateRequest", "type value", "memo"), one="BookingContactResponse"),
    _crm("booking_provider.contacts.list", "GET", _PROVIDER + "/{id}/contacts",
         filters=_PAGING, page="BookingContactResponse"),
    _crm("booking_provider.contacts.update", "PATCH", _PROVIDER + "/{id}/contacts/{contactId}",
         body=_body("UpdateBookingContactRequest", "", "type value memo"), one="UpdateBookingContactRequest"),
    _crm("booking_provider.contacts.delete", "DELETE", _PROVIDER + "/{id}/contacts/{contactId}"),
    _crm("booking_provider.dismiss", "POST", _PROVIDER + "/{id}/dismiss",
         body=_body("DismissBookingModel", "", "callReasonId dismissingMemo")),
    _crm("tags.add", "PUT", "/tags", body=_body("AddBulkTagsRequest", "customerIds tagTypeIds")),
    _crm("tags.remove", "DELETE", "/tags", body=_body("RemoveBulkTagsRequest", "customerIds tagTypeIds")),
    _crm("contacts.methods.list", "GET", _METHODS,
         filters=(*_CHANGES, "referenceId", "type", "value", "sort"), page="ContactMethodResponse"),
    _crm("contacts.methods.create", "POST", _METHODS,
         body=_body("CreateContactMethodRequest", "type value", "referenceId memo"),
         one="ContactMethodResponse"),
    _crm("contacts.methods.get", "GET", _METHODS + "/{contactMethodId}", one="ContactMethodResponse"),
    _crm("contacts.methods.replace", "PUT", _METHODS + "/{contactMethodId}",
         body=_body("UpsertContactMethodRequest", "type value", "referenceId memo"),
         one="ContactMethodResponse"),
    _crm("contacts.methods.update", "PATCH", _METHODS + "/{contactMethodId}",
         body=_body("UpdateContactMethodRequest", "", "value memo"), one="ContactMethodResponse"),
    _crm("contacts.methods.delete", "DELETE", _METHODS + "/{contactMethodId}"),
    _crm("contacts.methods.preferences.list", "GET", _METHOD_PREFERENCES, array="ContactPreferenceResponse"),
    _crm("contacts.methods.preferences.get", "GET", _METHOD_PREFERENCES + "/{preferenceName}",
         one="ContactPreferenceResponse"),
    _crm("contacts.methods.preferences.update", "PATCH", _METHOD_PREFERENCES + "/{preferenceName}",
         body=_body("UpdateContactMethodPreferenceRequest", "", "value"), one="ContactPreferenceResponse"),
    _crm("contacts.get", "GET", "/contacts/{id}", one="ContactResponse"),
    _crm("contacts.replace", "PUT", "/contacts/{id}",
         body=_body("ReplaceContactRequest", "isArchived", "name title referenceId"), one="ContactResponse"),
    _crm("contacts.delete", "DELETE", "/contacts/{id}"),
    _crm("contacts.update", "PATCH", "/contacts/{id}",
         body=_body("UpdateContactRequest", "isArchived", "name title referenceId"), one="ContactResponse"),
    _crm("contacts.list_by_relationship", "GET", "/contacts/relationships/{relationshipId}",
         filters=(*_CHANGES, *_CONTACT, "sort"), page="ContactResponse"),
    _crm("contacts.list", "GET", "/contacts", filters=(*_CHANGES, *_CONTACT, "sort"), page="ContactResponse"),
    _crm("contacts.create", "POST", "/contacts",
         body=_body("CreateContactRequest", "", "name title referenceId"), one="ContactResponse"),
    _crm("contacts.relationships.delete", "DELETE", _RELATIONSHIPS + "/{relatedEntityId}/{typeSlug}"),
    _crm("contacts.relationships.create", "POST", _RELATIONSHIPS + "/{relatedEntityId}/{typeSlug}"),
    _crm("contacts.relationships.list", "GET", _RELATIONSHIPS,
         filters=(*_PAGING, *_CREATED, "relatedEntityId", "typeSlug", "typeName", "sort"),
         page="ContactRelationshipResponse"),
    _crm("contacts.preferences.list", "GET", "/contacts/preferences", array="ContactPreferenceTypeResponse"),
    _crm("contacts.methods.search", "GET", "/contacts/contact-methods",
         filters=(*_CHANGES, "contactId", "referenceId", "type", "value", "sort"),
         page="ContactMethodResponse"),
    _crm("customers.get", "GET", "/customers/{id}", one="CustomerResponse"),
    _crm("customers.update", "PATCH", "/customers/{id}", body=_UPDATE_CUSTOMER, one="CustomerResponse"),
    _crm("customers.list", "GET", "/customers",
         filters=(*_CHANGES, *_LOOKUP, "excludeAccountingChangesFromModifiedDateRange", "phone"),
         page="CustomerResponse"),
    _crm("customers.create", "POST", "/customers", body=_CREATE_CUSTOMER, one="CreatedCustomerResponse"),
    _crm("customers.notes.list", "GET", "/customers/{id}/notes", filters=_CHANGES, page="NoteResponse"),
    _crm("customers.notes.create", "POST", "/customers/{id}/notes",
         body=_body("CustomerNoteCreateRequest", "text", "pinToTop addToLocations"), one="NoteResponse"),
    _crm("customers.notes.delete", "DELETE", "/customers/{id}/notes/{noteId}"),
    _crm("customers.contacts.list", "GET", "/customers/{id}/contacts",
         filters=_PAGING, page="CustomerContactWithModifiedOnResponse"),
    _crm("customers.contacts.create", "POST", "/customers/{id}/contacts",
         body=_body("CreateCustomerContactRequest", "type value", "memo"),
         one="CustomerContactWithModifiedOnResponse"),
    _crm("customers.contacts.delete", "DELETE", "/customers/{id}/contacts/{contactId}"),
    _crm("customers.contacts.update", "PATCH", "/customers/{id}/contacts/{contactId}",
         body=_body("UpdateCustomerContactRequest", "", "type value memo preferences", within=_PREFERENCES),
         one="CustomerContactWithModifiedOnResponse"),
    _crm("customers.contacts.list_all", "GET", "/customers/contacts",
         filters=(*_CHANGES, "customerIds"), page="CustomerContactWithModifiedOnAndCustomerIdResponse"),
    _crm("customers.tags.add", "POST", "/customers/{id}/tags/{tagTypeId}", one="CreateCustomerTagResponse"),
    _crm("customers.tags.remove", "DELETE", "/customers/{id}/tags/{tagTypeId}"),
    _crm("customers.custom_fields.list", "GET", "/customers/custom-fields",
         filters=(*_CHANGES, "sort"), page="CustomFieldTypeResponse"),
    _crm("bookings.export", "GET", "/export/bookings", filters=_FEED, feed="ExportBookingResponse"),
    _crm("customers.contacts.export", "GET", "/export/customers/contacts",
         filters=_FEED, feed="ExportCustomerContactResponse"),
    _crm("locations.contacts.export", "GET", "/export/locations/contacts",
         filters=_FEED, feed="ExportLocationContactResponse"),
    _crm("customers.export", "GET", "/export/customers", filters=_FEED, feed="ExportCustomerResponse"),
    _crm("leads.export", "GET", "/export/leads", filters=_FEED, feed="ExportLeadsResponse"),
    _crm("locations.export", "GET", "/export/locations", filters=_FEED, feed="ExportLocationsResponse"),
    _crm("leads.get", "GET", "/leads/{id}", one="LeadResponse"),
    _crm("leads.update", "PATCH", "/leads/{id}", body=_UPDATE_LEAD, one="LeadResponse"),
    _crm("leads.list", "GET", "/leads",
         filters=(*_CHANGES, *_LEADS_CUSTOMER, "ids", "customerId", "isProspect", "withoutCustomer", "status",
                  "genPermUrl", "leadCustomerName", "leadPhone", "isCaptureSourceForm", "sort"),
         page="LeadResponse"),
    _crm("leads.create", "POST", "/leads", body=_CREATE_LEAD, one="LeadResponse"),
    _crm("leads.follow_up", "POST", "/leads/{id}/follow-up",
         body=_body("CreateFollowUpRequest", "followUpDate", "text pinToTop"), one="FollowUpResponse"),
    _crm("leads.notes.list", "GET", "/leads/{id}/notes", filters=_CHANGES, page="NoteResponse"),
    _crm("leads.notes.create", "POST", "/leads/{id}/notes",
         body=_body("LeadNoteCreateRequest", "text", "pinToTop"), one="NoteResponse"),
    _crm("leads.dismiss", "POST", "/leads/{id}/dismiss",
         body=_body("DismissLeadRequest", "dismissingReasonId")),
    _crm("leads.submit_form", "POST", "/leads/form",
         filters=("id",), body=_SUBMIT_FORM, one="SubmitLeadFormResponse"),
    _crm("locations.get", "GET", "/locations/{id}", one="LocationResponse"),
    _crm("locations.update", "PATCH", "/locations/{id}", body=_UPDATE_LOCATION, one="LocationResponse"),
    _crm("locations.create", "POST", "/locations", body=_CREATE_LOCATION, one="CreateLocationResponse"),
    _crm("locations.list", "GET", "/locations",
         filters=(*_CHANGES, *_LOOKUP, "customerId"), page="LocationResponse"),
    _crm("locations.notes.list", "GET", "/locations/{id}/notes", filters=_CHANGES, page="NoteResponse"),
    _crm("locations.notes.create", "POST", "/locations/{id}/notes",
         body=_body("LocationNoteCreateRequest", "text", "pinToTop addToCustomer"), one="NoteResponse"),
    _crm("locations.notes.delete", "DELETE", "/locations/{id}/notes/{noteId}"),
    _crm("locations.contacts.list", "GET", "/locations/{id}/contacts",
         filters=_PAGING, page="LocationContactResponse"),
    _crm("locations.contacts.create", "POST", "/locations/{id}/contacts",
         body=_body("LocationContactCreateRequest", "type value", "memo"), one="LocationContactResponse"),
    _crm("locations.contacts.list_all", "GET", "/locations/contacts",
         filters=(*_CHANGES, "locationIds"), page="LocationsContactResponse"),
    _crm("locations.contacts.delete", "DELETE", "/locations/{id}/contacts/{contactId}"),
    _crm("locations.contacts.update", "PATCH", "/locations/{id}/contacts/{contactId}",
         body=_body("LocationContactUpdateRequest", "", "type value memo preferences", within=_PREFERENCES),
         one="LocationContactResponse"),
    _crm("locations.tags.add", "POST", "/locations/{id}/tags/{tagTypeId}", one="CreateLocationTagResponse"),
    _crm("locations.tags.remove", "DELETE", "/locations/{id}/tags/{tagTypeId}"),
    _crm("locations.custom_fields.list", "GET", "/locations/custom-fields",
         filters=(*_CHANGES, "sort"), page="CustomFieldTypeResponse"),
    _crm("locations.preferred_technician.set", "POST", _TECHNICIAN + "/{preferredTechnicianId}"),
    _crm("locations.preferred_technician.get", "GET", _TECHNICIAN, one="integer"),

    _settings("tag_types.export", "GET", "/export/tag-types", filters=_FEED, feed="ExportTagTypeResponse"),
    _settings("tag_types.list", "GET", "/tag-types",
              filters=(*_CHANGES, "active", "sort"), page="TagTypeResponse"),
    _settings("tag_types.create", "POST", "/tag-types",
              body=_body("CreateTagTypeRequest", "name color", "code importance " + _TAG_TYPE_FLAGS),
              one="ModificationResponse"),
    _settings("tag_types.update", "PATCH", "/tag-types/{id}",
              body=_body("UpdateTagTypeRequest", "", "name color code importance " + _TAG_TYPE_FLAGS),
              one="ModificationResponse"),

    _openapi("customers.list", "GET", "/customers", filters=(*_CHANGES, "ids"), page="Customer"),
    _openapi("customers.create", "POST", "/customers", body=_OPEN_CUSTOMER, one="Customer"),
    _openapi("customers.get", "GET", "/customers/{id}", one="Customer"),
    _openapi("customers.update", "PATCH", "/customers/{id}", body=_OPEN_CUSTOMER_UPDATE, one="Customer"),
    _openapi("customers.contacts.list", "GET", "/customers/{id}/contacts", data="Contact"),
    _openapi("customers.contacts.create", "POST", "/customers/{id}/contacts",
             body=_OPEN_CONTACT, one="Contact"),
    _openapi("locations.list", "GET", "/locations",
             filters=("page", "pageSize", "customerId", "modifiedOnOrAfter"), page="Location"),
    _openapi("locations.create", "POST", "/locations", body=_OPEN_LOCATION, one="Location"),
    _openapi("locations.get", "GET", "/locations/{id}", one="Location"),
    _openapi("locations.update", "PATCH", "/locations/{id}", body=_OPEN_LOCATION_UPDATE, one="Location"),
    _openapi("leads.list", "GET", "/leads",
             filters=("page", "pageSize", "status", "modifiedOnOrAfter"), data="Lead"),
    _openapi("leads.create", "POST", "/leads", body=_OPEN_LEAD, one="Lead"),
    _openapi("leads.dismiss", "PUT", "/leads/{id}/dismiss"),
    _openapi("bookings.list", "GET", "/bookings",
             filters=("page", "pageSize", "modifiedOnOrAfter"), data="Booking"),
    _openapi("bookings.create", "POST", "/bookings", body=_OPEN_BOOKING, one="Booking"),
    _openapi("tag_types.list", "GET", "/tagtypes", data="TagType"),
)
# fmt: on
"""The 106 rows, in the order of the published documents."""

_BY_NAME: Final = {(row.contract, row.name): row for row in OPERATIONS}

# What to do in openapi-2.0.0 about an operation only the portal has; where nothing else serves,
# the message offers the other contract alone.
_HINTS: Final = {
    "leads.get": "leads.list with a status",
    "bookings.get": "bookings.list with modifiedOnOrAfter",
    "bookings.create": "booking_provider(id).create",
    "booking_provider.create": "bookings.create",
    "booking_provider.list": "bookings.list",
    "booking_provider.get": "bookings.list with modifiedOnOrAfter",
    "customers.contacts.list_all": "customers.contacts.list of each customer",
    "customers.custom_fields.list": "the custom_fields of each customer",
    "customers.export": "customers.list with modifiedOnOrAfter",
    "customers.contacts.export": "customers.contacts.list of each customer",
    "locations.export": "locations.list with modifiedOnOrAfter",
    "leads.export": "leads.list with modifiedOnOrAfter",
    "bookings.export": "bookings.list with modifiedOnOrAfter",
    "tag_types.export": "tag_types.list",
}
