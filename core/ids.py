"""Identifiers: UUIDv7 for rows, short codes for people.

Codes avoid letters and digits that are mistaken for one another when read aloud or typed on a keypad
(0/O, 1/I/L, 5/S, 2/Z, 8/B) and vowels, so that no code spells a word.
"""

import secrets
from uuid import UUID

from uuid_utils.compat import uuid7

CODE_LETTERS = "CDFGHJKMNPQRTVWXY34679"
GROUP_CODE_LENGTH = 6
RECEIPT_CODE_LENGTH = 6


def new_id() -> UUID:
    """A new UUIDv7: unique everywhere and roughly in order of time, so indexes stay compact."""
    return uuid7()


def new_code(length: int) -> str:
    """A random code of ``length`` letters (22 ** 6 = 113 million for six); the caller keeps it unique."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(length))


def tidy_code(text: str) -> str:
    """A code as stored, from how somebody typed it: upper case, without spaces and dots, dashes kept."""
    return "".join(c for c in text.upper() if c.isalnum() or c == "-").strip("-")
