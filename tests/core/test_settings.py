"""Settings: what is wrong is said all at once, secrets never show, nothing changes afterwards."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, astuple, fields, replace

import pytest

from servicetitan_crm_async import (
    ConfigError,
    Credentials,
    RateLimit,
    RetryPolicy,
    Secret,
    Settings,
    Timeouts,
)
from servicetitan_crm_async.config import read_environment

SECRETS = ("cs.very-secret", "ak.very-secret")
ENVIRON = {
    "SERVICETITAN_CLIENT_ID": "cid.x",
    "SERVICETITAN_CLIENT_SECRET": SECRETS[0],
    "SERVICETITAN_APP_KEY": SECRETS[1],
    "SERVICETITAN_TENANT_ID": "42",
}


def credentials() -> Credentials:
    return Credentials(tenant_id=42, client_id="cid.x", client_secret=SECRETS[0], app_key=SECRETS[1])


def problems_of(make: Callable[[], object]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        make()
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return caught.value.problems


def test_the_environment_is_read() -> None:
    who, settings = read_environment(ENVIRON)
    assert who == credentials()
    assert (settings.environment, settings.contract) == ("production", "portal")
    assert settings.host == "https://api.servicetitan.io"
    assert settings.token_url == "https://auth.servicetitan.io/connect/token"


def test_the_integration_environment_has_hosts_of_its_own() -> None:
    _, settings = read_environment({**ENVIRON, "SERVICETITAN_ENVIRONMENT": "integration"})
    assert settings.host == "https://api-integration.servicetitan.io"
    assert settings.token_url == "https://auth-integration.servicetitan.io/connect/token"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in ENVIRON.items():
        monkeypatch.setenv(name, text)
    assert read_environment()[0] == credentials()


def test_all_that_is_missing_is_named_at_once() -> None:
    assert problems_of(lambda: read_environment({})) == dict.fromkeys(
        sorted(ENVIRON, key=list(ENVIRON).index), "is missing"
    )


def test_blank_variables_count_as_missing_and_edges_are_trimmed() -> None:
    assert set(problems_of(lambda: read_environment({**ENVIRON, "SERVICETITAN_APP_KEY": " "}))) == {
        "SERVICETITAN_APP_KEY"
    }
    who, _ = read_environment({**ENVIRON, "SERVICETITAN_CLIENT_SECRET": f"{SECRETS[0]}\n"})
    assert who == credentials()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENANT_ID", "0"),
        ("TENANT_ID", "-3"),
        ("TENANT_ID", "1.5"),
        ("TENANT_ID", "abc"),
        ("TENANT_ID", "٣"),
        ("TENANT_ID", "9" * 5000),
        ("ENVIRONMENT", "staging"),
        ("CONTRACT", "v3"),
        ("API_URL", "api.servicetitan.io"),
        ("API_URL", "ftp://api.servicetitan.io"),
        ("API_URL", "http://api.servicetitan.io"),
        ("AUTH_URL", "http://auth.servicetitan.io/connect/token"),
        ("AUTH_URL", "https://user:word@auth.servicetitan.io/connect/token"),
        ("CLIENT_SECRET", "two\nlines"),
        ("APP_KEY", "naïve"),
        ("CLIENT_ID", "a\tb"),
    ],
)
def test_a_malformed_variable_is_named_and_not_quoted(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_environment({**ENVIRON, f"SERVICETITAN_{name}": value})
    assert set(caught.value.problems) == {f"SERVICETITAN_{name}"}
    if len(value) > 3:
        assert value not in str(caught.value)


def test_missing_and_malformed_ones_come_in_one_error() -> None:
    environ = {**ENVIRON, "SERVICETITAN_TENANT_ID": "x", "SERVICETITAN_API_URL": "http://a.example"}
    del environ["SERVICETITAN_APP_KEY"]
    assert set(problems_of(lambda: read_environment(environ))) == {
        "SERVICETITAN_TENANT_ID",
        "SERVICETITAN_API_URL",
        "SERVICETITAN_APP_KEY",
    }


def test_an_argument_goes_before_the_variable_of_the_contract() -> None:
    environ = {**ENVIRON, "SERVICETITAN_CONTRACT": "portal"}
    assert read_environment(environ, contract="openapi-2.0.0")[1].contract == "openapi-2.0.0"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://127.0.0.1:1",
        "http://127.8.9.10",
        "http://[::1]:8080",
        "https://10.0.0.1",
        "https://x",
    ],
)
def test_plain_http_is_for_loopback(url: str) -> None:
    assert Settings(api_url=url).host == url


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://[::2]",
        "http://0.0.0.0",
        "https://",
        "https://:443",
        "https://host:99999",
        "https://[::1",
        "https://user@host",
        "https://user:word@host",
        "https://:word@host",
        "https://host?x=1",
        "https://host#x",
        "https://ho\nst",
        "https://host/a b",
        "https://host\\@evil.example",
        "https://höst.example",
        "//host",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_could_lose_the_secret_is_refused(url: str) -> None:
    assert set(problems_of(lambda: Settings(api_url=url))) == {"api_url"}
    assert set(problems_of(lambda: Settings(auth_url=url))) == {"auth_url"}


def test_a_trailing_slash_makes_no_double_one() -> None:
    assert Settings(api_url="https://host/base/").host == "https://host/base"


def test_what_the_environment_does_not_say_is_taken_from_the_settings() -> None:
    base = Settings(
        environment="integration", contract="openapi-2.0.0", max_response_bytes=5, api_url="https://h"
    )
    _, settings = read_environment({**ENVIRON, "SERVICETITAN_CONTRACT": "portal"}, settings=base)
    assert settings == replace(base, contract="portal")
    assert replace(base, api_url=None, environment="production").host == "https://api.servicetitan.io"


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Settings(environment="x", contract="y", max_response_bytes=0), "environment contract max_response_bytes"),  # type: ignore[arg-type]  # noqa: E501
        (lambda: RateLimit(per_second=2.9), "per_second"),
        (lambda: RateLimit(per_second=float("nan")), "per_second"),
        (lambda: RateLimit(per_second=float("inf")), "per_second"),
        (lambda: RateLimit(share=0), "share"),
        (lambda: RateLimit(share=1.1), "share"),
        (lambda: RateLimit(share=0.04), "per_second"),
        (lambda: Timeouts(connect=0, attempt=-1, admission=0, call=float("nan")), "connect attempt admission call"),  # noqa: E501
        (lambda: RetryPolicy(attempts=0, seconds=-1, initial=-1, longest=float("nan")), "attempts seconds initial longest"),  # noqa: E501
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(make: Callable[[], object], names: str) -> None:
    assert set(problems_of(make)) == set(names.split())


@pytest.mark.parametrize("tenant_id", [0, -1, True, 1.5, "7", None])
def test_a_tenant_id_is_a_positive_whole_number(tenant_id: object) -> None:
    def make() -> object:
        return Credentials(tenant_id=tenant_id, client_id="c", client_secret="s", app_key="a")  # type: ignore[arg-type]

    assert set(problems_of(make)) == {"tenant_id"}


def test_all_that_is_wrong_with_credentials_is_named() -> None:
    def make() -> object:
        return Credentials(tenant_id=0, client_id="", client_secret="a\nb", app_key="\x00")

    assert set(problems_of(make)) == {"tenant_id", "client_id", "client_secret", "app_key"}


def test_secrets_do_not_show() -> None:
    """In no text that Python makes of them by itself, nor in a copy of the fields."""
    who = credentials()
    for shown in (
        repr(who),
        str(who),
        f"{who}",
        f"{who.client_secret}",
        f"{who.client_secret!s:>40}",
        f"{who.app_key:>40}",
        "%s" % who.app_key,  # noqa: UP031
        repr(asdict(who)),
        repr(astuple(who)),
        repr(copy.deepcopy(who)),
        repr(copy.copy(who)),
        repr([getattr(who, field.name) for field in fields(who)]),
        repr({who.app_key}),
        repr(replace(who, tenant_id=43)),
    ):
        assert not any(secret in shown for secret in SECRETS)
    assert replace(who, tenant_id=43).client_secret.reveal() == SECRETS[0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_secrets_do_not_pickle(protocol: int) -> None:
    for value in (credentials(), credentials().app_key):
        with pytest.raises(TypeError, match="does not pickle"):
            pickle.dumps(value, protocol)


def test_a_secret_equals_its_like_and_nothing_else() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")
    assert credentials() == credentials()
    assert copy.deepcopy(credentials()) == credentials()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (credentials(), "client_id"),
        (Settings(), "api_url"),
        (RateLimit(), "share"),
        (Timeouts(), "call"),
        (RetryPolicy(), "attempts"),
    ],
)
def test_settings_are_frozen(value: object, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, 1)
