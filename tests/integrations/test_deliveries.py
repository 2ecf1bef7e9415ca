"""How a delivery to a webhook proves who sent it."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from servicetitan_crm_async import ConfigError, Secret
from servicetitan_crm_async.integrations.deliveries import (
    Delivery,
    Proof,
    SecretHeader,
    SecretPath,
    Signature,
    event_of,
)
from servicetitan_crm_async.integrations.problems import Problem

SECRET = "a-secret-of-more-than-16-characters"
BODY = '{"type": "ü"}'.encode()
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("proof", "headers", "in_path", "holds"),
    [
        (SecretPath(SECRET), {}, SECRET, True),
        (SecretPath(Secret(SECRET)), {}, SECRET, True),
        (SecretPath(SECRET), {}, SECRET[:-1], False),
        (SecretPath(SECRET), {}, "", False),
        (SecretPath(SECRET), {}, "\udcff", False),
        (SecretHeader("X-Secret", SECRET), {"X-Secret": SECRET}, "", True),
        (SecretHeader("X-Secret", SECRET), {"X-Secret": f"{SECRET} "}, "", False),
        (SecretHeader("X-Secret", SECRET), {}, SECRET, False),
        (Signature("X-Signature", SECRET), {"X-Signature": DIGEST.hex()}, "", True),
        (Signature("X-Signature", SECRET), {"X-Signature": DIGEST.hex().upper()}, "", True),
        (Signature("X-Signature", SECRET), {"X-Signature": f"sha256={DIGEST.hex()}"}, "", True),
        (Signature("X-Signature", SECRET), {"X-Signature": base64.b64encode(DIGEST).decode()}, "", True),
        (Signature("X-Signature", SECRET), {"X-Signature": DIGEST.hex()[:-1]}, "", False),
        (Signature("X-Signature", SECRET), {"X-Signature": SECRET}, "", False),
        (Signature("X-Signature", SECRET), {}, "", False),
        (Signature("X-Signature", SECRET[::-1]), {"X-Signature": DIGEST.hex()}, "", False),
    ],
)
def test_only_who_knows_the_secret_is_let_in(
    proof: Proof, headers: dict[str, str], in_path: str, holds: bool
) -> None:
    delivery = Delivery(headers, in_path, BODY)
    assert proof.holds(delivery) is holds
    event = event_of(delivery, proof)
    assert isinstance(event, Problem)
    assert event.status == (400 if holds else 403)
    for shown in (repr(proof), repr(delivery)):
        assert SECRET not in shown


def test_a_signature_is_of_this_very_body() -> None:
    signed = {"X-Signature": DIGEST.hex()}
    assert not Signature("X-Signature", SECRET).holds(Delivery(signed, "", BODY + b" "))


def test_a_secret_that_could_be_guessed_or_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        SecretHeader("X-Secret", "short")
    with pytest.raises(ConfigError, match="at least 16"):
        Signature("X-Signature", "")
    with pytest.raises(ConfigError, match="part of a URL") as caught:
        SecretPath("a/secret/with/slashes")
    assert "slashes" not in str(caught.value)


def test_only_a_secret_in_the_path_changes_the_route() -> None:
    assert SecretPath(SECRET).route("/hooks/") == "/hooks/{secret}"
    assert SecretHeader("X-Secret", SECRET).route("/hooks") == "/hooks"
    assert Signature("X-Signature", SECRET).route("/hooks") == "/hooks"
