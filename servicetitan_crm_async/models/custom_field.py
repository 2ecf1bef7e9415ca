"""Fields a company adds to its customers and locations."""

from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["CustomField", "CustomFieldType", "CustomFieldValue"]


class CustomField(Model, frozen=True, kw_only=True):
    """The value a record has in one of the company's own fields."""

    type_id: int
    """The field's own id; its label in `name` may be changed, this may not."""
    name: str | None = None
    value: str | None = None


class CustomFieldValue(Model, frozen=True, kw_only=True):
    """A value to write. A list of them replaces all custom fields of the record."""

    type_id: int
    value: str


class CustomFieldType(Record, frozen=True, kw_only=True):
    """A field that a company has added; records hold its id as `type_id`."""

    name: str | None = None
    data_type: str | None = None
    """`Text`, `Dropdown` or `Numeric`, for instance."""
    data_type_options: tuple[str, ...] | None = None
    """What a dropdown offers."""
    created_on: Instant
    modified_on: Instant
