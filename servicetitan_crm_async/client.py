"""ServiceTitanCRM: assembles the parts, owns their lifetime, offers the resources."""

from __future__ import annotations

import enum
import hashlib
import ssl
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar, overload

import msgspec

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.calls import FilterValue, Request, free_request
from servicetitan_crm_async._core.clock import Clock, SystemClock
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async._core.limiter import Limiter, PacedLimiter
from servicetitan_crm_async._core.pipeline import Heard, Pipeline, Statistics, listening
from servicetitan_crm_async._core.shared import shared
from servicetitan_crm_async._core.tokens import TokenCache, TokenStore
from servicetitan_crm_async._core.transport import AiohttpTransport, Transport
from servicetitan_crm_async.config import (
    Credentials,
    Priority,
    RetryPolicy,
    Settings,
    read_environment,
)
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.hooks import Hooks
from servicetitan_crm_async.models.raw_response import RawAnswer, RawResponse
from servicetitan_crm_async.resources import (
    BookingProvider,
    BookingProviderTags,
    Bookings,
    Contacts,
    Customers,
    Leads,
    Locations,
    Tags,
    TagTypes,
)

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can hold."""


def caller_of(crm: ServiceTitanCRM) -> Caller:
    """What calls operations by name for this client; for the sync and the flows, not for users."""
    return crm._caller  # noqa: SLF001


class _Unchanged(enum.Enum):
    """Apart from None, which says that there is no time-out."""

    UNCHANGED = "as it was"


_UNCHANGED = _Unchanged.UNCHANGED


class _State(enum.Enum):
    UNOPENED = "the client is not open yet: use it inside `async with`"
    OPEN = "the client is open already"
    CLOSED = "the client is closed; a closed client does not open again"


class ServiceTitanCRM:
    """The CRM of one tenant, within `async with`.

    Making one does no I/O and needs no running loop. Inside the block any number of tasks may use it
    at once; leaving the block closes its connections, also under cancellation and within 5 seconds.
    What was handed in, such as a session, is used and never closed.

    Tokens and the rate limit are shared by every client of the running loop with the same client id,
    and the same app key and tenant.

    Args:
        session: a lent `aiohttp.ClientSession`; the settings of its connections are its owner's.
        token_store: keeps the token between processes; `FileTokenStore` for commands run by cron.
        limiter: takes the place of the limiter of this process, for budgets shared by several.
        transport: takes the place of aiohttp altogether.
        hooks: are told of every call, request, retry, page and batch; see `servicetitan_crm_async.hooks`.
        proxy: URL of an HTTP proxy for every request.
        trust_env: take proxies and netrc from the environment, as aiohttp does.
        ssl_context: for hosts with certificates of their own.

    Raises:
        ConfigError: settings that cannot hold together.
    """

    def __init__(
        self,
        credentials: Credentials,
        settings: Settings | None = None,
        *,
        session: aiohttp.ClientSession | None = None,
        token_store: TokenStore | None = None,
        limiter: Limiter | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
        hooks: Sequence[Hooks] = (),
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._credentials, self._hooks = credentials, tuple(hooks)
        if not all(isinstance(hook, Hooks) for hook in self._hooks):
            raise ConfigError({"hooks": "must be instances of servicetitan_crm_async.Hooks"})
        self._settings = settings or Settings()
        self._token_store, self._limiter, self._clock = token_store, limiter, clock or SystemClock()
        if transport is not None and (session is not None or proxy or trust_env or ssl_context):
            raise ConfigError({"transport": "takes no session, proxy, trust_env or ssl_context beside it"})
        self._transport: Transport = transport or AiohttpTransport(
            connect_timeout=self._settings.timeouts.connect,
            max_response_bytes=self._settings.max_response_bytes,
            session=session,
            proxy=proxy,
            trust_env=trust_env,
            ssl_context=ssl_context,
        )
        self._state = _State.UNOPENED
        self._pipeline: Pipeline | None = None
        self._parent: ServiceTitanCRM | None = None
        self._view_of: ServiceTitanCRM | None = None
        self._offer(
            Caller(
                self._pipe,
                tenant=credentials.tenant_id,
                contract=self._settings.contract,
                options=self._settings.calls,
            )
        )

    def _offer(self, caller: Caller) -> None:
        """Offer the resources on what calls operations."""
        self._caller = caller
        self._customers, self._locations = Customers(caller), Locations(caller)
        self._contacts, self._leads = Contacts(caller), Leads(caller)
        self._bookings, self._booking_provider_tags = Bookings(caller), BookingProviderTags(caller)
        self._tags, self._tag_types = Tags(caller), TagTypes(caller)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        settings: Settings | None = None,
        contract: ContractName | None = None,
        session: aiohttp.ClientSession | None = None,
        token_store: TokenStore | None = None,
        hooks: Sequence[Hooks] = (),
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Self:
        """A client from the `SERVICETITAN_*` variables.

        What they do not say, such as the rate and the time-outs, is taken from `settings`; `contract`
        overrides `SERVICETITAN_CONTRACT`.

        Raises:
            ConfigError: naming every variable that is missing or malformed, and no value.
        """
        credentials, settings = read_environment(environ, settings=settings, contract=contract)
        return cls(
            credentials,
            settings,
            session=session,
            token_store=token_store,
            hooks=hooks,
            proxy=proxy,
            trust_env=trust_env,
            ssl_context=ssl_context,
        )

    def for_tenant(self, credentials: Credentials, *, limiter: Limiter | None = None) -> Self:
        """A client for another tenant on the same connections, with the same settings.

        A limiter keeps the budget of one tenant, so one that was handed in is not handed on: give the
        other tenant its own, or it gets that of this process.

        It works for as long as this one is open, with or without an `async with` of its own, and
        closing it leaves the connections to this one.
        """
        child = type(self)(
            credentials,
            self._settings,
            token_store=self._token_store,
            limiter=limiter,
            transport=self._transport,
            clock=self._clock,
            hooks=self._hooks,
        )
        child._parent = self  # noqa: SLF001
        return child

    def with_options(
        self,
        *,
        timeout: float | _Unchanged | None = _UNCHANGED,
        retries: int | RetryPolicy | None = None,
        priority: Priority | None = None,
    ) -> Self:
        """This client with other options for its calls: the same connections, token, rate and counters.

        It works for as long as this one is open and needs no `async with`. Making one is cheap:
        `await crm.with_options(timeout=5).customers.get(7)`. What is not given stays as it is here.

        Args:
            timeout: seconds for a call with all its tries and waits; None waits as long as it takes.
            retries: tries after the first, 0 for none; or a whole policy.
            priority: `"interactive"`, as calls are, or `"bulk"`, which lets those go first; the sync is.

        Raises:
            ConfigError: a value that cannot be.
        """
        options = self._caller.options
        if timeout is not _UNCHANGED:
            options = replace(options, timeout=timeout)
        if isinstance(retries, int):
            retries = replace(options.retries, attempts=retries + 1)
        if retries is not None:
            options = replace(options, retries=retries)
        if priority is not None:
            options = replace(options, priority=priority)
        view = self.for_tenant(self._credentials)
        view._view_of = self  # noqa: SLF001
        view._offer(self._caller.having(options))  # noqa: SLF001
        return view

    async def with_raw_response(self, call: Awaitable[T]) -> RawResponse[T]:
        """What a call returns, with the answers of the service that it comes from.

            answer = await crm.with_raw_response(crm.customers.get(7))
            answer.value.name, answer.last.headers["Date"], answer.last.body

        Any call can be given, of any client, also one that takes several requests. Failure, cancellation
        and repetition are those of the call; answers that were errors are in none.
        """
        heard: list[Heard] = []
        mark = listening.set(heard)
        try:
            value = await call
        finally:
            listening.reset(mark)
        return RawResponse(
            value=value,
            answers=tuple(
                RawAnswer(
                    method=request.method,
                    path=request.path,
                    status=reply.status,
                    headers=reply.headers,
                    body=reply.body,
                    attempts=attempts,
                    seconds=reply.seconds,
                )
                for request, reply, attempts in heard
            ),
        )

    async def __aenter__(self) -> Self:
        if self._state is not _State.UNOPENED:
            raise ConfigError(self._state.value)
        if self._parent is None:
            await self._transport.open()
        self._state = _State.OPEN
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state = _State.CLOSED
        self._pipeline = None
        if self._parent is None:
            await self._transport.close()

    def __repr__(self) -> str:
        tenant, contract = self._credentials.tenant_id, self._settings.contract
        return f"<ServiceTitanCRM tenant={tenant} contract={contract!r} {self._state.name.lower()}>"

    @property
    def tenant_id(self) -> int:
        """The tenant every call goes to."""
        return self._credentials.tenant_id

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def customers(self) -> Customers:
        """Customers with their contacts, notes and tags."""
        return self._customers

    @property
    def locations(self) -> Locations:
        """Locations with their contacts, notes and tags."""
        return self._locations

    @property
    def contacts(self) -> Contacts:
        """Contact persons, how to reach them, and what they have to do with."""
        return self._contacts

    @property
    def leads(self) -> Leads:
        """Leads and their notes."""
        return self._leads

    @property
    def bookings(self) -> Bookings:
        """Bookings of the whole tenant."""
        return self._bookings

    def booking_provider(self, booking_provider: int) -> BookingProvider:
        """Bookings of one provider, known by the id of its tag."""
        return BookingProvider(self._caller, booking_provider)

    @property
    def booking_provider_tags(self) -> BookingProviderTags:
        """Booking providers, each known by a tag."""
        return self._booking_provider_tags

    @property
    def tags(self) -> Tags:
        """Tags of many customers at once."""
        return self._tags

    @property
    def tag_types(self) -> TagTypes:
        """Tag types."""
        return self._tag_types

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, FilterValue] | None = None,
        body: Json | msgspec.Struct = None,
        repeatable: bool | None = None,
    ) -> bytes: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        answer: type[T],
        query: Mapping[str, FilterValue] | None = None,
        body: Json | msgspec.Struct = None,
        repeatable: bool | None = None,
    ) -> T: ...
    async def request(
        self,
        method: str,
        path: str,
        *,
        answer: type[T] | None = None,
        query: Mapping[str, FilterValue] | None = None,
        body: Json | msgspec.Struct = None,
        repeatable: bool | None = None,
    ) -> T | bytes:
        """Call any path of any ServiceTitan module, with this client's token, rate and retries.

        `path` is from the host on, with `{tenant}` where the tenant id belongs:
        `"/jpm/v2/tenant/{tenant}/jobs"`. `query` goes by the service's own names. The answer is decoded
        as `answer`, or left as bytes. `repeatable` says whether the request may be sent again when its
        fate is unknown; a GET is, everything else is not unless you say so.

        Raises:
            ConfigError: before sending, when the path is not one or a value is malformed.
            AuthError, ApiError, TransportFailure, DecodeError: as every call.
        """
        request: Request = free_request(
            method, path, tenant=self.tenant_id, query=query, body=body, repeatable=repeatable
        )
        if answer is None:
            return (await self._caller.call(request, bytes)).value
        return (await self._caller.call(request, decoder_for(answer))).value

    def statistics(self) -> Statistics:
        """What this client has done since it was opened; a snapshot."""
        return self._pipe().statistics()

    def _pipe(self) -> Pipeline:
        """The pipeline, tied to the running loop at its first use."""
        if self._view_of is not None:
            return self._view_of._pipe()  # noqa: SLF001
        state = self._standing()
        if state is not _State.OPEN:
            raise ConfigError(state.value)
        if self._pipeline is None:
            self._pipeline = self._new_pipeline()
        return self._pipeline

    def _standing(self) -> _State:
        """Its own state, or that of the client whose connections it uses."""
        if self._parent is None or self._state is _State.CLOSED:
            return self._state
        return self._parent._standing()  # noqa: SLF001

    def _new_pipeline(self) -> Pipeline:
        who, settings = self._credentials, self._settings
        return Pipeline(
            credentials=who,
            settings=settings,
            transport=self._transport,
            # The secret is part of the key: a client with a wrong one must not ride on another's token.
            tokens=shared(
                TokenCache,
                # A store counts as itself, whatever it may say of its equals or its hash.
                (settings.token_url, who.client_id, who.client_secret, id(self._token_store)),
                lambda: TokenCache(_store_key(who, settings), self._clock, self._token_store),
            ),
            limiter=self._limiter or self._shared_limiter(),
            clock=self._clock,
            hooks=self._hooks,
        )

    def _shared_limiter(self) -> PacedLimiter:
        who, settings = self._credentials, self._settings
        limiter = shared(
            PacedLimiter,
            (settings.host, who.app_key, who.tenant_id),
            lambda: PacedLimiter(settings.rate),
        )
        limiter.slow_to(settings.rate)
        return limiter


def _store_key(who: Credentials, settings: Settings) -> str:
    # With a digest of the secret, so that a client with a wrong one does not live on another's token.
    mark = hashlib.blake2b(who.client_secret.reveal().encode(), digest_size=8).hexdigest()
    return f"{who.client_id}@{settings.token_url}#{mark}"
