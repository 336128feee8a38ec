"""Making typed words comparable: case, homophones, punctuation, doubled letters, Latin typing, slips. Pure."""

import re
from unicodedata import normalize

_HOMOPHONES: dict[int, int] = {}
for _family in ("ሀሐኀኸ", "ሰሠ", "አዐ", "ጸፀ"):
    for _other in _family[1:]:
        for _order in range(7):
            _HOMOPHONES[ord(_other) + _order] = ord(_family[0]) + _order
# The first and the fourth order of these sound alike in Amharic, in all their families.
for _fourth, _first_order in (("ሃሓኃኻ", "ሀ"), ("ኣዓ", "አ")):
    _HOMOPHONES |= {ord(_letter): ord(_first_order) for _letter in _fourth}

# Apostrophes are letters in Afaan Oromoo (ba'i); phones write them in five ways, and people leave them out.
_APOSTROPHES = re.compile("['’‘`´ʼʻ]")
_PUNCTUATION = re.compile(r"[፠፡።፣፤፥፦፧.,;:!?\"“”()\[\]…*_~]+")
_DOUBLED = re.compile(r"(\w)\1+")

# Consonants of Ethiopic rows as people write them in Latin letters; every eighth code point begins a row.
_ROWS = {
    **dict.fromkeys("ሀሐኀኸ", "h"), "ለ": "l", "መ": "m", "ሠ": "s", "ረ": "r", "ሰ": "s", "ሸ": "sh", "ቀ": "k", "ቐ": "k",
    "በ": "b", "ቨ": "v", "ተ": "t", "ቸ": "ch", "ነ": "n", "ኘ": "n", "አ": "", "ከ": "k", "ወ": "w", "ዐ": "", "ዘ": "z",
    "ዠ": "j", "የ": "y", "ደ": "d", "ጀ": "j", "ገ": "g", "ጠ": "t", "ጨ": "ch", "ጰ": "p", "ጸ": "ts", "ፀ": "ts", "ፈ": "f",
    "ፐ": "p",
}  # fmt: skip
_CONSONANT = {ord(row) + order: latin for row, latin in _ROWS.items() for order in range(8)}
# One sound, written in several ways by different people.
_SAME_SOUND = (("tz", "ts"), ("x", "ts"), ("c", "ch"), ("q", "k"), ("gn", "n"), ("ny", "n"), ("zh", "j"), ("ph", "f"))


def fold(text: str) -> str:
    """Text for comparing: NFKC, case folded, homophones folded, without punctuation around it."""
    folded = normalize("NFKC", text).casefold().translate(_HOMOPHONES)
    stripped = _PUNCTUATION.sub(" ", _APOSTROPHES.sub("", folded))
    return " ".join(stripped.split()) or folded.strip()


def squeezed(folded: str) -> str:
    """Without doubled letters: ``kaffaltii`` and ``kafalti`` are one word to whoever types in a hurry."""
    return _DOUBLED.sub(r"\1", folded)


def skeleton(folded: str) -> str:
    """The consonants of a word as Latin letters: ክፈል, kifel and kefel are all ``kfl``. Empty where it has none."""
    text = folded
    if text.isascii():
        for written, sound in _SAME_SOUND:
            # "ch" and "sh" are sounds of their own; a lone c is one of them.
            text = re.sub(r"c(?!h)", sound, text) if written == "c" else text.replace(written, sound)
        return _DOUBLED.sub(r"\1", re.sub(r"[^a-z]|[aeiou]", "", text))
    if not all("\u1200" <= letter <= "\u135a" for letter in text):
        return ""
    return _DOUBLED.sub(r"\1", "".join(_CONSONANT.get(ord(letter), "?") for letter in text))


def within_one_edit(typed: str, known: str) -> bool:
    """Whether one letter was changed, missed, doubled or two neighbours swapped."""
    if typed == known:
        return True
    if abs(len(typed) - len(known)) > 1:
        return False
    start = 0
    while start < min(len(typed), len(known)) and typed[start] == known[start]:
        start += 1
    rest_typed, rest_known = typed[start:], known[start:]
    return (
        rest_typed[1:] == rest_known[1:]
        or rest_typed == rest_known[1:]
        or rest_typed[1:] == rest_known
        or (rest_typed[:2] == rest_known[1::-1] and rest_typed[2:] == rest_known[2:])
    )
