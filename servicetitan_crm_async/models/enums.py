"""The service's vocabularies, all of them open: a word this version does not know is kept as it came."""

from enum import StrEnum
from typing import Self

__all__ = [
    "Active",
    "BookingProviderTagType",
    "BookingStatus",
    "ContactType",
    "CoordinatesSource",
    "CoordinatesVerification",
    "CustomerType",
    "ExternalDataMode",
    "LeadStatus",
    "OpenEnum",
    "Priority",
    "RelatedKind",
    "TagImportance",
]


class OpenEnum(StrEnum):
    """Text with known values: `LeadStatus("Open") is LeadStatus.OPEN`, and `LeadStatus("Parked")` works.

    The service adds words without notice, and a new one must not cost a record. Members compare and
    hash as their text; compare unknown ones by `==`, not by `is`.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    @property
    def known(self) -> bool:
        """Whether this version of the package has a name for it."""
        return self._name_ in type(self).__members__


class Active(OpenEnum):
    """The `active` filter of lists. They answer active records alone unless told `ANY`."""

    TRUE = "True"
    ANY = "Any"
    FALSE = "False"


class CustomerType(OpenEnum):
    """What kind of customer it is."""

    RESIDENTIAL = "Residential"
    COMMERCIAL = "Commercial"


class ContactType(OpenEnum):
    """`PHONE` is a landline."""

    PHONE = "Phone"
    MOBILE_PHONE = "MobilePhone"
    EMAIL = "Email"
    FAX = "Fax"


class LeadStatus(OpenEnum):
    """`CONVERTED`: following up booked a job."""

    OPEN = "Open"
    DISMISSED = "Dismissed"
    CONVERTED = "Converted"


class BookingProviderTagType(OpenEnum):
    """Which of the service's interfaces a source of bookings uses."""

    V1_API = "V1Api"
    V2_API = "V2Api"


class BookingStatus(OpenEnum):
    """The portal has no `PENDING`; openapi-2.0.0 has neither `NEW` nor `ACCEPTED`."""

    NEW = "New"
    PENDING = "Pending"
    ACCEPTED = "Accepted"
    CONVERTED = "Converted"
    DISMISSED = "Dismissed"


class Priority(OpenEnum):
    """How soon a lead or a booking wants attention."""

    LOW = "Low"
    NORMAL = "Normal"
    HIGH = "High"
    URGENT = "Urgent"


class RelatedKind(OpenEnum):
    """What a contact person can be related to."""

    CUSTOMER = "customer"
    LOCATION = "location"
    BOOKING = "booking"


class TagImportance(OpenEnum):
    """How a tag stands out; most have none."""

    MEDIUM = "Medium"
    HIGH = "High"


class CoordinatesSource(OpenEnum):
    """Where the coordinates of a new location came from."""

    NONE = "None"
    SYSTEM = "System"
    USER = "User"
    IMPORTED = "Imported"


class CoordinatesVerification(OpenEnum):
    """Whether someone checked the coordinates of a new location."""

    UNVERIFIED = "Unverified"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    VERIFIED = "Verified"


class ExternalDataMode(OpenEnum):
    """What an update does with the external data it does not name: `REPLACE` drops it, `MERGE` keeps it."""

    REPLACE = "Replace"
    MERGE = "Merge"
