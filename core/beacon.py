"""Fetching a round of the public randomness beacon from whichever mirror answers.

Owns the conversation with drand's HTTP interface. Trusts no mirror: what it hands out has a signature that
belongs to that round under the configured key. Keeps nothing and never waits for a round to come.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from core.errors import TryLater
from core.order.draw import BeaconIdentity, randomness_of, signature_genuine

# A round is some 250 bytes; more than this is not a beacon speaking.
MAX_ANSWER_BYTES = 4096

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconSource(BeaconIdentity):
    """A beacon and where to ask for it: ``urls`` are mirrors, tried in order, without chain or round."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """One published round, checked: 32 bytes of randomness and the 48 bytes of signature it comes from."""

    round: int
    randomness: bytes
    signature: bytes


def round_url(mirror: str, chain: str, round_number: int) -> str:
    """Where a mirror publishes a round."""
    return f"{mirror.rstrip('/')}/{chain}/public/{round_number}"


async def fetch(source: BeaconSource, round_number: int, *, timeout_seconds: float = 5.0) -> Beacon:
    """The round, from the first mirror that gives a genuine one; each mirror has ``timeout_seconds`` in all.

    Raises TryLater when none does: not published yet, out of reach, or answering nonsense.
    """
    reasons = []
    async with httpx.AsyncClient(timeout=timeout_seconds, follow_redirects=False) as client:
        for mirror in source.urls:
            try:
                async with asyncio.timeout(timeout_seconds):
                    return _checked(source, round_number, await _ask(client, mirror, source, round_number))
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                reasons.append(f"{mirror}: {type(error).__name__}")
            except _NotThere as reason:
                reasons.append(f"{mirror}: {reason}")
            except _NotGenuine as reason:
                reasons.append(f"{mirror}: {reason}")
                _log.warning("beacon_not_genuine", mirror=mirror, round=round_number, reason=str(reason))
    raise TryLater(
        f"beacon round {round_number}: {'; '.join(reasons) or 'no mirror is configured'}",
        retry_seconds=float(source.period_seconds),
    )


class _NotThere(Exception):
    """The mirror answers but has not that round."""


class _NotGenuine(Exception):
    """The mirror gave something that is not the round asked for."""


async def _ask(client: httpx.AsyncClient, mirror: str, source: BeaconSource, round_number: int) -> Any:
    async with client.stream("GET", round_url(mirror, source.chain, round_number)) as response:
        # 404 and 425 are how mirrors say "not published yet"; any other refusal is theirs alone as well.
        if response.status_code != httpx.codes.OK:
            raise _NotThere(f"status {response.status_code}")
        body = b""
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise _NotGenuine("answer too long")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _NotGenuine("not JSON") from None


def _checked(source: BeaconSource, round_number: int, answer: Any) -> Beacon:
    try:
        signature, randomness = bytes.fromhex(answer["signature"]), bytes.fromhex(answer["randomness"])
        answered = answer["round"]
    except (KeyError, TypeError, ValueError):
        raise _NotGenuine("not a round") from None
    if answered != round_number:
        raise _NotGenuine("another round")
    if randomness != randomness_of(signature):
        raise _NotGenuine("randomness is not the hash of the signature")
    key = bytes.fromhex(source.public_key)
    if not signature_genuine(public_key=key, round_number=round_number, signature=signature):
        raise _NotGenuine("wrong signature")
    return Beacon(round=round_number, randomness=randomness, signature=signature)
