"""The shapes of request bodies: which fields there are, which have to be there, what they may hold.

The portal's schemas forbid properties they do not declare, and so does the sandbox; OpenAPI 2.0.0 says
nothing of the kind, so there they are let through unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple, TypeAlias

from .instants import parse_instant
from .messages import Body, Json, Problem
from .queries import fits, guid_of

Shape: TypeAlias = "Mapping[str, Rule]"

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


class Need(Enum):
    """Whether a field has to be there."""

    OPTIONAL = "may be left out"
    NULLABLE = "may be left out or null"
    REQUIRED = "has to be there"


class Rule(NamedTuple):
    """What one field may hold."""

    what: str
    holds: Callable[[Json], bool]
    need: Need = Need.OPTIONAL
    shape: Shape | None = None
    each: bool = False

    @property
    def required(self) -> Rule:
        """The same, and it has to be there."""
        return self._replace(need=Need.REQUIRED)

    @property
    def nullable(self) -> Rule:
        """The same, or null."""
        return self._replace(need=Need.NULLABLE)


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Json) -> bool:
    return _number(value) and isinstance(value, int) and fits(value)


TEXT = Rule("a string", lambda value: isinstance(value, str))
SHORT_TEXT = Rule(
    "a string of at most 20 characters", lambda value: isinstance(value, str) and len(value) <= 20
)
COLOR = Rule(
    "a colour such as #1B5E20", lambda value: isinstance(value, str) and _COLOR.fullmatch(value) is not None
)
WHOLE = Rule("a whole number", _whole)
NUMBER = Rule("a number", _number)
FLAG = Rule("true or false", lambda value: isinstance(value, bool))
INSTANT = Rule(
    "a date-time with an offset", lambda value: isinstance(value, str) and parse_instant(value) is not None
)
GUID = Rule("a GUID", lambda value: isinstance(value, str) and guid_of(value) is not None)
WHOLES = Rule("a list of whole numbers", lambda value: isinstance(value, list) and all(map(_whole, value)))
TEXTS = Rule(
    "a list of strings", lambda value: isinstance(value, list) and all(isinstance(x, str) for x in value)
)


def one_of(*names: str) -> Rule:
    """One of these words, spelt exactly so."""
    return Rule(f"one of {', '.join(names)}", lambda value: value in names)


def object_of(shape: Shape) -> Rule:
    """An object of that shape."""
    return Rule("an object", lambda value: isinstance(value, dict), shape=shape)


def list_of(shape: Shape, *, least: int = 0) -> Rule:
    """A list of objects of that shape."""
    what = "a list of objects" if not least else f"a list of at least {least}"
    return Rule(what, lambda value: isinstance(value, list) and len(value) >= least, shape=shape, each=True)


def check(body: Body, shape: Shape, *, closed: bool) -> None:
    """Raise the 400 that names every field that is wrong, or nothing."""
    errors: dict[str, list[str]] = {}
    _walk(body, shape, "", errors, closed=closed)
    if errors:
        raise Problem(400, "One or more validation errors occurred.", errors)


def _walk(
    body: Mapping[str, Json], shape: Shape, path: str, errors: dict[str, list[str]], *, closed: bool
) -> None:
    if closed:
        for name in body:
            if name not in shape:
                errors[path + name] = ["is not a field of this request."]
    for name, rule in shape.items():
        if name not in body:
            if rule.need is Need.REQUIRED:
                errors[path + name] = ["is required."]
            continue
        value = body[name]
        if value is None and rule.need is Need.NULLABLE:
            continue
        if not rule.holds(value):
            errors[path + name] = [f"has to be {rule.what}."]
        elif rule.shape is not None and isinstance(value, Mapping):
            _walk(value, rule.shape, f"{path}{name}.", errors, closed=closed)
        elif rule.shape is not None and rule.each and isinstance(value, list):
            for place, entry in enumerate(value):
                if isinstance(entry, Mapping):
                    _walk(entry, rule.shape, f"{path}{name}[{place}].", errors, closed=closed)
                else:
                    errors[f"{path}{name}[{place}]"] = ["has to be an object."]


_CUSTOMER_TYPE = one_of("Residential", "Commercial")
_PRIORITY = one_of("Low", "Normal", "High", "Urgent")
_PLACE: Shape = dict.fromkeys(("street", "city", "state", "zip", "country"), TEXT.required)
_POINT: Shape = {"latitude": NUMBER.nullable, "longitude": NUMBER.nullable}
_ADDRESS: Shape = {**_PLACE, "unit": TEXT.nullable, **_POINT}
_BOOKING_ADDRESS: Shape = {**_PLACE, "unit": TEXT.nullable}
_FULL_ADDRESS: Shape = {**_PLACE, "unit": TEXT.required}
_CUSTOM_FIELD: Shape = {"typeId": WHOLE.required, "value": TEXT.required}
_EXTERNAL: Shape = {
    "applicationGuid": GUID.required,
    "externalData": list_of({"key": TEXT.required, "value": TEXT.required}).required,
}
_EXTERNAL_PATCH: Shape = {
    "patchMode": one_of("Replace", "Merge"),
    "applicationGuid": GUID.required,
    "externalData": list_of({"key": TEXT.required, "value": TEXT.nullable}).required,
}
_CONTACT_TYPE = one_of("Phone", "Email", "Fax", "MobilePhone")
NEW_CONTACT: Shape = {
    "type": _CONTACT_TYPE.required,
    "value": TEXT.required,
    "memo": TEXT.nullable,
}
CHANGED_CONTACT: Shape = {
    "type": _CONTACT_TYPE,
    "value": TEXT,
    "memo": TEXT,
    "preferences": object_of(
        dict.fromkeys(
            ("jobRemindersEnabled", "marketingUpdatesEnabled", "invoiceStatementNotification"), FLAG.required
        )
    ),
}
_NEW_LOCATION: Shape = {
    "name": TEXT.required,
    "address": object_of(_ADDRESS).required,
    "contacts": list_of(NEW_CONTACT).nullable,
    "customFields": list_of(_CUSTOM_FIELD).nullable,
    "tagTypeIds": WHOLES.nullable,
    "externalData": object_of(_EXTERNAL).nullable,
    "coordinatesSource": one_of("None", "System", "User", "Imported").nullable,
    "coordinatesVerificationStatus": one_of("Unverified", "InProgress", "Failed", "Verified").nullable,
}
NEW_LOCATION: Shape = {**_NEW_LOCATION, "customerId": WHOLE.required}
NEW_CUSTOMER: Shape = {
    "name": TEXT.required,
    "type": _CUSTOMER_TYPE.nullable,
    "doNotMail": FLAG.nullable,
    "doNotService": FLAG.nullable,
    "nationalAccount": FLAG.nullable,
    "locations": list_of(_NEW_LOCATION, least=1).required,
    "address": object_of(_ADDRESS).required,
    "contacts": list_of(NEW_CONTACT).nullable,
    "customFields": list_of(_CUSTOM_FIELD).nullable,
    "tagTypeIds": WHOLES.nullable,
    "externalData": object_of(_EXTERNAL).nullable,
    "taxExempt": FLAG.nullable,
    "paymentTermId": WHOLE.nullable,
    "creditLimit": NUMBER.nullable,
    "creditLimitBalance": NUMBER.nullable,
}
CHANGED_CUSTOMER: Shape = {
    "name": TEXT,
    "type": _CUSTOMER_TYPE,
    "address": object_of({**_FULL_ADDRESS, "latitude": NUMBER.required, "longitude": NUMBER.required}),
    "customFields": list_of(_CUSTOM_FIELD),
    "externalData": object_of(_EXTERNAL_PATCH),
    "doNotMail": FLAG,
    "doNotService": FLAG,
    "nationalAccount": FLAG,
    "active": FLAG,
    "tagTypeIds": WHOLES,
    "taxExempt": FLAG,
    "paymentTermId": WHOLE,
    "creditLimit": NUMBER,
    "creditLimitBalance": NUMBER,
}
CHANGED_LOCATION: Shape = {
    "customerId": WHOLE,
    "name": TEXT,
    "address": object_of({**_FULL_ADDRESS, **_POINT}),
    "active": FLAG,
    "taxZoneId": WHOLE,
    "customFields": list_of(_CUSTOM_FIELD),
    "tagTypeIds": WHOLES,
    "externalData": object_of(_EXTERNAL_PATCH),
}
_LEAD_TEXTS = tuple(
    f"lead{part}"
    for part in ("CustomerName", "Phone", "Email", "Street", "Unit", "City", "State", "Zip", "Country")
)
NEW_LEAD: Shape = {
    "customerId": WHOLE.nullable,
    "locationId": WHOLE.nullable,
    "campaignId": WHOLE.required,
    "businessUnitId": WHOLE.nullable,
    "jobTypeId": WHOLE.nullable,
    "summary": TEXT.required,
    "tagTypeIds": WHOLES.nullable,
    "priority": _PRIORITY.nullable,
    "callReasonId": WHOLE.nullable,
    "followUpDate": INSTANT.nullable,
    "bookingId": WHOLE.nullable,
    **dict.fromkeys(_LEAD_TEXTS, TEXT.nullable),
}
CHANGED_LEAD: Shape = {
    "campaignId": WHOLE,
    "priority": _PRIORITY,
    "businessUnitId": WHOLE,
    "jobTypeId": WHOLE,
    "summary": TEXT,
    **dict.fromkeys(_LEAD_TEXTS, TEXT),
}
DISMISSED_LEAD: Shape = {"dismissingReasonId": WHOLE.required}
NEW_BOOKING: Shape = {
    "source": TEXT.required,
    "name": TEXT.required,
    "address": object_of(_BOOKING_ADDRESS).nullable,
    "contacts": list_of(NEW_CONTACT).nullable,
    "customerType": _CUSTOMER_TYPE.nullable,
    "start": INSTANT.nullable,
    "summary": TEXT.required,
    "campaignId": WHOLE.nullable,
    "businessUnitId": WHOLE.nullable,
    "jobTypeId": WHOLE.nullable,
    "priority": _PRIORITY.nullable,
    "isFirstTimeClient": FLAG.required,
    "uploadedImages": TEXTS.nullable,
    "isSendConfirmationEmail": FLAG.nullable,
    "externalId": TEXT.required,
}
NEW_NOTE: Shape = {"text": TEXT.required, "pinToTop": FLAG.nullable}
NEW_CUSTOMER_NOTE: Shape = {**NEW_NOTE, "addToLocations": FLAG.nullable}
NEW_LOCATION_NOTE: Shape = {**NEW_NOTE, "addToCustomer": FLAG.nullable}
TAGS_OF_MANY: Shape = {"customerIds": WHOLES.required, "tagTypeIds": WHOLES.required}
TAG_FLAGS = ("isConversionOpportunity", "allowToUseOnTimesheetActivity", "isVisibleOnDispatchBoard")
_IMPORTANCE = one_of("Medium", "High").nullable
NEW_TAG_TYPE: Shape = {
    "name": TEXT.required,
    "color": COLOR.required,
    "code": SHORT_TEXT.nullable,
    "importance": _IMPORTANCE,
    **dict.fromkeys(TAG_FLAGS, FLAG.nullable),
}
CHANGED_TAG_TYPE: Shape = {
    "name": TEXT,
    "color": COLOR,
    "code": SHORT_TEXT,
    "importance": _IMPORTANCE,
    **dict.fromkeys(TAG_FLAGS, FLAG),
}
NEW_PROVIDER_TAG: Shape = {"tagName": TEXT.required, "description": TEXT.required}
CHANGED_PROVIDER_TAG: Shape = {"tagName": TEXT, "description": TEXT}
CHANGED_BOOKING: Shape = {
    "source": TEXT,
    "name": TEXT,
    "address": object_of(_FULL_ADDRESS),
    "customerType": _CUSTOMER_TYPE,
    "start": INSTANT,
    "summary": TEXT,
    "campaignId": WHOLE,
    "businessUnitId": WHOLE,
    "jobTypeId": WHOLE,
    "priority": _PRIORITY,
    "isFirstTimeClient": FLAG,
    "uploadedImages": TEXTS,
    "externalId": TEXT,
}
DISMISSED_BOOKING: Shape = {"callReasonId": WHOLE.nullable, "dismissingMemo": TEXT.nullable}
CHANGED_BOOKING_CONTACT: Shape = {"type": _CONTACT_TYPE, "value": TEXT, "memo": TEXT}
LEAD_FORM: Shape = {
    "name": TEXT.required,
    "email": TEXT.nullable,
    "phoneNumber": TEXT.nullable,
    "address": object_of(_ADDRESS).nullable,
    "summary": TEXT.nullable,
}
FOLLOW_UP: Shape = {"followUpDate": INSTANT.required, "text": TEXT.nullable, "pinToTop": FLAG.nullable}
NEW_PERSON: Shape = {"name": TEXT.nullable, "title": TEXT.nullable, "referenceId": TEXT.nullable}
CHANGED_PERSON: Shape = {**NEW_PERSON, "isArchived": FLAG.required}
NEW_WAY: Shape = {**NEW_CONTACT, "referenceId": TEXT.nullable}
CHANGED_WAY: Shape = {"value": TEXT, "memo": TEXT}
CHANGED_PREFERENCE: Shape = {"value": one_of("true", "false", "True", "False")}

OPENAPI_ADDRESS: Shape = {
    "street": TEXT,
    "city": TEXT,
    "state": TEXT,
    "zip": TEXT,
    "country": TEXT,
    "unit": TEXT.nullable,
    **_POINT,
}
_OPENAPI_FIELDS = list_of({"typeId": WHOLE, "name": TEXT, "value": TEXT})
OPENAPI_NEW_LOCATION: Shape = {"name": TEXT, "address": object_of(OPENAPI_ADDRESS).required, "zoneId": WHOLE}
OPENAPI_CHANGED_LOCATION: Shape = {"name": TEXT, "address": object_of(OPENAPI_ADDRESS), "zoneId": WHOLE}
OPENAPI_NEW_CUSTOMER: Shape = {
    "name": TEXT.required,
    "type": _CUSTOMER_TYPE.required,
    "doNotMail": FLAG,
    "doNotService": FLAG,
    "locations": list_of(OPENAPI_NEW_LOCATION, least=1).required,
    "contacts": list_of({**NEW_CONTACT, "memo": TEXT}),
    "customFields": _OPENAPI_FIELDS,
}
OPENAPI_CHANGED_CUSTOMER: Shape = {
    "name": TEXT,
    "type": _CUSTOMER_TYPE,
    "doNotMail": FLAG,
    "doNotService": FLAG,
    "customFields": _OPENAPI_FIELDS,
}
OPENAPI_NEW_LEAD: Shape = {
    "customerId": WHOLE.nullable,
    "locationId": WHOLE.nullable,
    "businessUnitId": WHOLE,
    "jobTypeId": WHOLE,
    "summary": TEXT.required,
    "priority": _PRIORITY,
    "campaignId": WHOLE,
}
OPENAPI_NEW_BOOKING: Shape = {
    "source": TEXT,
    "name": TEXT.required,
    "address": object_of(OPENAPI_ADDRESS),
    "customerType": TEXT,
    "start": INSTANT.required,
    "summary": TEXT.required,
    "campaignId": WHOLE,
    "businessUnitId": WHOLE,
}
