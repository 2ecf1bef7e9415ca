"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from cyclopts import Parameter

Flag: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False)]
Names: TypeAlias = Annotated[str | None, Parameter(metavar="NAMES")]
Place: TypeAlias = Annotated[str, Parameter(metavar="PLACE")]
Instant: TypeAlias = Annotated[str | None, Parameter(metavar="ISO")]
Tenant: TypeAlias = Annotated[int | None, Parameter(metavar="ID")]
Time: TypeAlias = Annotated[str | None, Parameter(metavar="TIME")]
