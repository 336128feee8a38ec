"""Sealing what must not be read from a stolen disk or dump: phones, account ids, credentials, draw secrets.

AES-256-GCM with a key ring: the first key seals, every key opens, so that keys can be rotated. What is sealed
for one place (tenant, table and column, row) does not open in another. Equality is searched through a keyed
hash (``lookup``): a plain hash of all Ethiopian phone numbers is turned back in minutes.
"""

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.settings import decode_key, settings


@lru_cache(maxsize=1)
def _ring() -> dict[str, AESGCM]:
    pairs = (part.split(":", 1) for part in settings().secret_keys.split(","))
    return {name: AESGCM(decode_key(key)) for name, key in pairs}


@lru_cache(maxsize=1)
def _index_key() -> bytes:
    return decode_key(settings().index_key)


def seal(plain: bytes, place: str) -> bytes:
    """Encrypt for one place, e.g. ``"addresses.secret:<id>"``: key name, nonce, ciphertext."""
    name, key = next(iter(_ring().items()))
    nonce = os.urandom(12)
    return name.encode() + b":" + nonce + key.encrypt(nonce, plain, place.encode())


def unseal(sealed: bytes, place: str) -> bytes:
    """Decrypt; raises ``ValueError`` when the key is unknown, the place differs or a byte was changed."""
    name, _, rest = sealed.partition(b":")
    key = _ring().get(name.decode("ascii", "replace"))
    if key is None:
        raise ValueError(f"sealed with a key that is not in EQUB_SECRET_KEYS: {name!r}")
    try:
        return key.decrypt(rest[:12], rest[12:], place.encode())
    except InvalidTag:
        raise ValueError("sealed value does not open here: it was changed or moved") from None


def lookup(value: str, scope: str) -> bytes:
    """The keyed hash by which an encrypted value is found again within ``scope``."""
    return hmac.new(_index_key(), f"{scope}\x00{value}".encode(), hashlib.sha256).digest()
