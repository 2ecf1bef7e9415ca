"""What every model is built on."""

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

__all__ = ["Instant", "Model", "Record"]

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware datetime. One that comes without an offset is no fit here, and is then read as UTC."""


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Anything that travels as a JSON object: immutable, keyword-only, camelCase on the wire.

    Fields the model does not know are ignored when it is decoded. `UNSET` fields are left out when
    it is encoded.
    """

    # The fields of an answer stand in the order in which the service writes them, as the decoder looks for
    # the next one there first: in another order a page of customers took a twelfth more instructions.


class Record(Model, frozen=True, kw_only=True):
    """An answer with an id of its own, unique among the records of its kind in its tenant."""

    id: int
