"""Models as the body of an application's answer; pure."""

from __future__ import annotations

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encoded(content: object) -> bytes:
    """JSON as the service writes it: its names of fields, money as numbers."""
    return _encoder.encode(content)
