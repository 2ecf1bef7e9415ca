"""Whether a call that failed is tried again, and after how long; pure, and it reads no clock."""

from __future__ import annotations

from servicetitan_crm_async.config import RetryPolicy
from servicetitan_crm_async.errors import (
    CallTimeout,
    DecodeError,
    RateLimited,
    ServiceFault,
    ServiceTitanError,
    TransportFailure,
)

_REPEATED = frozenset({408, 500, 502, 503, 504})


def again_after(
    error: Exception,
    *,
    policy: RetryPolicy,
    repeatable: bool,
    attempt: int,
    elapsed: float,
    chance: float,
) -> float | None:
    """Seconds to wait before the next try, or None to stop.

    `attempt` counts the tries so far, `elapsed` the seconds since the first began, `chance` is a
    random number from 0 to 1 (full jitter: callers that failed together do not come back together).
    """
    if attempt >= policy.attempts or not _worth_another(error, repeatable=repeatable):
        return None
    wait = chance * min(policy.longest, policy.initial * 2.0 ** min(attempt - 1, 60))
    if isinstance(error, RateLimited | ServiceFault) and error.retry_after is not None:
        # Kept to, not shortened: coming early only earns the next refusal. One that reaches past
        # the policy's patience ends the call, so that the caller learns of it now.
        wait = max(wait, error.retry_after)
    return wait if elapsed + wait <= policy.seconds else None


def _worth_another(error: Exception, *, repeatable: bool) -> bool:
    match error:
        case RateLimited():
            return True
        case ServiceFault():
            return repeatable and error.status in _REPEATED
        case CallTimeout(which="admission" | "call"):
            return False  # a caller who set a bound on a wait does not want it several times over
        case TransportFailure():
            return error.transient and (repeatable or not error.maybe_applied)
        case DecodeError():
            return repeatable and error.malformed
        case ServiceTitanError():
            return False
    return False
