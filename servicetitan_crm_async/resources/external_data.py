"""What the lists of customers and locations ask of the filters by external data."""

from __future__ import annotations

from collections.abc import Sequence

from servicetitan_crm_async.errors import ConfigError


def check_external_data(key: str | None, values: Sequence[str] | None) -> None:
    """Refuse a key without values and values without a key; the service would look for neither."""
    if values is None and key is not None:
        raise ConfigError({"external_data_values": "are required with external_data_key"})
    if key is None and values is not None:
        raise ConfigError({"external_data_key": "is required with external_data_values"})
