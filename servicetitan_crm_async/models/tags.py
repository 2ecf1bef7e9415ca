"""Which tags a record carries after a change of them."""

from servicetitan_crm_async.models.record import Model

__all__ = ["CustomerTags", "LocationTags", "Tagged"]


class Tagged(Model, frozen=True, kw_only=True):
    """All tags of one record."""

    tag_type_ids: tuple[int, ...]


class CustomerTags(Tagged, frozen=True, kw_only=True):
    """All tags of a customer."""

    customer_id: int


class LocationTags(Tagged, frozen=True, kw_only=True):
    """All tags of a location."""

    location_id: int
