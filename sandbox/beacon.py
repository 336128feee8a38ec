"""A randomness beacon in the scheme of drand's quicknet, with a key of its own made from a seed.

Signature on G1 over SHA-256 of the round number (8 big-endian bytes); randomness is SHA-256 of the
signature. Refuses rounds that lie in the simulated future, for nobody may know them yet.
"""

import hashlib
from functools import lru_cache

from pyblst import BlstP1Element, BlstP2Element

DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
PERIOD_SECONDS = 3
#: 2000-01-01: early enough that a clock set back some years still finds rounds.
GENESIS = 946_684_800
BEACON_ID = "equb-sandbox"
SCHEME = "bls-unchained-g1-rfc9380"

_GROUP_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
_G2_GENERATOR = bytes.fromhex(
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)


class Beacon:
    """The chain of one seed. All hex in lower case."""

    def __init__(self, seed: str) -> None:
        wide = hashlib.sha512(b"equb-sandbox-beacon|" + seed.encode()).digest()
        self._secret = int.from_bytes(wide, "big") % (_GROUP_ORDER - 1) + 1
        public = bytes(BlstP2Element.uncompress(_G2_GENERATOR).scalar_mul(self._secret).compress())
        self.public_key = public.hex()
        self.group_hash = hashlib.sha256(b"group|" + public).hexdigest()
        self.chain_hash = chain_hash(
            public_key=public, group_hash=bytes.fromhex(self.group_hash), genesis=GENESIS, beacon_id=BEACON_ID
        )
        self._sign = lru_cache(maxsize=4096)(self._sign_round)

    def _sign_round(self, number: int) -> bytes:
        message = hashlib.sha256(number.to_bytes(8, "big")).digest()
        return bytes(BlstP1Element.hash_to_group(message, DST).scalar_mul(self._secret).compress())

    def latest(self, unix_seconds: float) -> int:
        """The number of the newest round that exists at this time; 0 before the first."""
        return max(0, int(unix_seconds - GENESIS) // PERIOD_SECONDS + 1) if unix_seconds >= GENESIS else 0

    def round(self, number: int) -> dict[str, object]:
        """{"round", "randomness", "signature"} of one round; who asks must have checked that it exists."""
        signature = self._sign(number)
        randomness = hashlib.sha256(signature).hexdigest()
        return {"round": number, "randomness": randomness, "signature": signature.hex()}

    def info(self) -> dict[str, object]:
        """The chain as a drand node describes it."""
        return {
            "public_key": self.public_key,
            "period": PERIOD_SECONDS,
            "genesis_time": GENESIS,
            "hash": self.chain_hash,
            "groupHash": self.group_hash,
            "schemeID": SCHEME,
            "metadata": {"beaconID": BEACON_ID},
        }


def chain_hash(
    *,
    public_key: bytes,
    group_hash: bytes,
    genesis: int,
    beacon_id: str,
    period_seconds: int = PERIOD_SECONDS,
) -> str:
    """The name of a chain: a hash over everything that defines it, so that no two chains share one."""
    head = period_seconds.to_bytes(4, "big") + genesis.to_bytes(8, "big")
    return hashlib.sha256(head + public_key + group_hash + beacon_id.encode()).hexdigest()
