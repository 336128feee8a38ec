"""The arithmetic of a randomness beacon: which round belongs to an instant, is a signature genuine.

Fetches nothing; that is ``core.beacon``.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pyblst

_SIGNATURE_DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
_G2_GENERATOR = bytes.fromhex(
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconIdentity:
    """What makes a beacon that beacon. ``genesis`` is the instant of round 1, in Unix seconds."""

    chain: str
    public_key: str
    genesis: int
    period_seconds: int


QUICKNET = BeaconIdentity(
    chain="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    public_key="83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    genesis=1_692_803_367,
    period_seconds=3,
)


def beacon_round_at(instant: datetime, genesis: int, period_seconds: int) -> int:
    """The first beacon round at or after the instant; round r is due at genesis + (r - 1) × period."""
    if instant.tzinfo is None:
        raise ValueError("an instant has an offset")
    since = instant - datetime.fromtimestamp(genesis, UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return max(1, -(-micros // (period_seconds * 1_000_000)) + 1)


def randomness_of(signature: bytes) -> bytes:
    """The randomness of a beacon round is SHA256 of its signature."""
    return hashlib.sha256(signature).digest()


def signature_genuine(*, public_key: bytes, round_number: int, signature: bytes) -> bool:
    """Does the BLS12-381 signature (48 bytes in G1) belong to that round under that key (96 bytes in G2)?

    Scheme bls-unchained-g1-rfc9380. False for anything malformed; about one millisecond.
    """
    if len(signature) != 48 or len(public_key) != 96 or not 0 <= round_number < 1 << 64:
        return False
    # The point at infinity would make both pairings 1 and pass as the signature of everything.
    if signature[0] & 0x40 or public_key[0] & 0x40:
        return False
    message = hashlib.sha256(round_number.to_bytes(8, "big")).digest()
    try:
        signed = pyblst.BlstP1Element.uncompress(signature)
        key = pyblst.BlstP2Element.uncompress(public_key)
    except ValueError:
        return False
    hashed = pyblst.BlstP1Element.hash_to_group(message, _SIGNATURE_DOMAIN)
    generator = pyblst.BlstP2Element.uncompress(_G2_GENERATOR)
    return bool(pyblst.final_verify(pyblst.miller_loop(signed, generator), pyblst.miller_loop(hashed, key)))
