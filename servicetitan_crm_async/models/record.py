"""What every model is built on."""

import msgspec

__all__ = ["Model", "Record"]


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that travels as a JSON object: immutable, keyword-only, camelCase on the wire.

    Fields the model does not know are ignored when it is decoded. `UNSET` fields are left out when
    it is encoded.
    """


class Record(Model, frozen=True, kw_only=True):
    """An answer with an id of its own, unique among the records of its kind in its tenant."""

    id: int
