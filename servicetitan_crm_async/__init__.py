"""An asyncio client for the ServiceTitan CRM API.

async with ServiceTitanCRM.from_env() as crm:
    async for lead in crm.leads.list(status="Open"):
        ...
"""

from __future__ import annotations

from servicetitan_crm_async import hooks, models
from servicetitan_crm_async._core.feed import Feed
from servicetitan_crm_async._core.limiter import Limiter, LimiterStatistics, PacedLimiter
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async._core.pipeline import Statistics
from servicetitan_crm_async._core.tokens import FileTokenStore, StoredToken, TokenStore
from servicetitan_crm_async.client import Json, ServiceTitanCRM
from servicetitan_crm_async.config import (
    Credentials,
    Priority,
    RateLimit,
    RetryPolicy,
    Secret,
    Settings,
    Timeouts,
)
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import (
    ApiError,
    AuthError,
    CallTimeout,
    ConfigError,
    Conflict,
    DecodeError,
    FeedStalled,
    Forbidden,
    InvalidRequest,
    LedgerConflict,
    NotFound,
    NotInContract,
    RateLimited,
    ResponseTooLarge,
    ServiceFault,
    ServiceTitanError,
    SyncError,
    TransportFailure,
    UnknownTenant,
)
from servicetitan_crm_async.hooks import Hooks
from servicetitan_crm_async.models import Page
from servicetitan_crm_async.models.found import Found
from servicetitan_crm_async.models.raw_record import PageBody, RawRecord
from servicetitan_crm_async.models.raw_response import RawAnswer, RawResponse

__all__ = [
    "ApiError",
    "AuthError",
    "CallTimeout",
    "ConfigError",
    "Conflict",
    "ContractName",
    "Credentials",
    "DecodeError",
    "Feed",
    "FeedStalled",
    "FileTokenStore",
    "Forbidden",
    "Found",
    "Hooks",
    "InvalidRequest",
    "Json",
    "LedgerConflict",
    "Limiter",
    "LimiterStatistics",
    "NotFound",
    "NotInContract",
    "PacedLimiter",
    "Page",
    "PageBody",
    "Pages",
    "Priority",
    "RateLimit",
    "RateLimited",
    "RawAnswer",
    "RawRecord",
    "RawResponse",
    "ResponseTooLarge",
    "RetryPolicy",
    "Secret",
    "ServiceFault",
    "ServiceTitanCRM",
    "ServiceTitanError",
    "Settings",
    "Statistics",
    "StoredToken",
    "SyncError",
    "Timeouts",
    "TokenStore",
    "TransportFailure",
    "UnknownTenant",
    "hooks",
    "models",
]


def __getattr__(name: str) -> str:
    # Looked up when asked for: reading the metadata of installed packages is slow.
    if name == "__version__":
        from importlib.metadata import version

        return version("servicetitan-crm-async")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
