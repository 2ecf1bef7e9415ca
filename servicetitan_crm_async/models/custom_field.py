"""Fields a company adds to its customers and locations."""

from servicetitan_crm_async.models.record import Model

__all__ = ["CustomField", "CustomFieldValue"]


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
