"""Understanding what people type: folding, amounts, shares, counts and rhythms. Pure.

Careless typing is forgiven in words, never in amounts, names or codes.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from unicodedata import normalize

from core.errors import Refusal
from core.money import MINOR_DIGITS, Money, parse_decimal
from core.rules import Rhythm, check_share

_HOMOPHONES: dict[int, int] = {}
for _family in ("ሀሐኀኸ", "ሰሠ", "አዐ", "ጸፀ"):
    for _other in _family[1:]:
        for _order in range(7):
            _HOMOPHONES[ord(_other) + _order] = ord(_family[0]) + _order
# The first and the fourth order of these sound alike in Amharic, in all their families.
for _fourth, _first_order in (("ሃሓኃኻ", "ሀ"), ("ኣዓ", "አ")):
    _HOMOPHONES |= {ord(_letter): ord(_first_order) for _letter in _fourth}

_PUNCTUATION = re.compile(r"[፠፡።፣፤፥፦፧.,;:!\"'’“”()\[\]]+")
# What ends a word in Ethiopic writing and is never part of a number, as a point or a comma might be.
_FULL_STOPS = "።፣፤፥"
# Letters; the longest amount has thirteen.
LONGEST_ETHIOPIC = 20
_ETHIOPIC = {**{chr(0x1369 + n): n + 1 for n in range(9)}, **{chr(0x1372 + n): 10 * (n + 1) for n in range(9)}}
_HUNDRED, _TEN_THOUSAND = "፻", "፼"
# A group is a number below a hundred; blocks of (groups of hundreds and) ones stand before and after each ፼.
_GROUP = "(?:[፲-፺][፩-፱]?|[፩-፱])"
_BLOCK = f"(?:{_GROUP}?፻)?{_GROUP}?"
_ETHIOPIC_NUMBER = re.compile(f"(?:{_BLOCK}፼)*{_BLOCK}")

# What people call the money they pay in; another currency's word is never taken for this one's.
_CURRENCY_WORDS = {"ETB": ("birr", "ብር", "br", "etb"), "USD": ("dollars", "dollar", "ዶላር", "usd", "$")}

_VULGAR = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")
_SHARE_WORDS = {"half": Fraction(1, 2), "ግማሽ": Fraction(1, 2), "quarter": Fraction(1, 4), "ሩብ": Fraction(1, 4)}


def fold(text: str) -> str:
    """Text for comparing: NFKC, case folded, homophones folded, without punctuation around it."""
    folded = normalize("NFKC", text).casefold().translate(_HOMOPHONES)
    stripped = _PUNCTUATION.sub(" ", folded)
    return " ".join(stripped.split()) or folded.strip()


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


def ethiopic_number(text: str) -> int | None:
    """``፲፭፻`` → 1500; None for what is no number. Not positional: before ፻ stand its hundreds, before ፼ its ten
    thousands. ``፭፲`` is not 50, and nobody guesses what it is.
    """
    if not text or len(text) > LONGEST_ETHIOPIC or not _ETHIOPIC_NUMBER.fullmatch(text):
        return None
    total = group = 0
    for c in text:
        if c == _HUNDRED:
            group = (group or 1) * 100
            total, group = total + group, 0
        elif c == _TEN_THOUSAND:
            total = ((total + group) or 1) * 10_000
            group = 0
        else:
            group += _ETHIOPIC[c]
    return total + group


def number(text: str) -> int | None:
    """A whole number in digits or Ethiopic numerals."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return int(text)
    return ethiopic_number(text)


def amount(words: Sequence[str], currency: str) -> tuple[Money, list[str]] | None:
    """The first amount among the words, and the words without it; None when there is none.

    1500 · 1,500 · 1500.00 · 1500birr · 1500 ብር · ብር 1500 · ፲፭፻. Raises ``Refusal("amount.…")`` for one that cannot
    be. What may mean two amounts is none: 1.500, 0,500, 0911223344, 100 of another currency.
    """
    names = _CURRENCY_WORDS.get(currency, (currency.casefold(),))
    for i, word in enumerate(words):
        digits = _digits(word, names)
        if digits is None:
            continue
        rest = [*words[:i], *words[i + 1 :]]
        if i < len(rest) and fold(rest[i]) in names:
            del rest[i]
        elif i and fold(rest[i - 1]) in names:
            del rest[i - 1]
        if len(digits.partition(".")[2]) > MINOR_DIGITS[currency]:
            raise Refusal("amount.too_fine", digits=MINOR_DIGITS[currency])
        return parse_decimal(digits, currency), rest
    return None


def _digits(word: str, currency_words: Sequence[str]) -> str | None:
    """The word as plain decimal digits, or None when it is not an amount."""
    bare = normalize("NFKC", word).casefold().rstrip(_FULL_STOPS)
    for currency_word in currency_words:
        if bare.startswith(currency_word) or bare.endswith(currency_word):
            bare = bare.removesuffix(currency_word) if bare.endswith(currency_word) else bare[len(currency_word) :]
            break
    ethiopic = ethiopic_number(bare)
    if ethiopic is not None:
        return str(ethiopic)
    if re.fullmatch(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", bare, re.ASCII):
        return bare.replace(",", "")
    if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", bare, re.ASCII):
        return bare
    return None


def share(text: str) -> Fraction | None:
    """``1``, ``፪``, ``1/2``, ``3/10``, ``1.5``, ``1½``, ``half``, ``ግማሽ`` → lots; None when it is not a share."""
    # 1½ is not 11/2, which the plain decomposition would make of it.
    spaced = _VULGAR.sub(" ", text)
    word = re.sub(r"\s*[/⁄]\s*", "/", normalize("NFKC", spaced).strip().casefold())
    if fold(word) in _SHARE_WORDS:
        return _SHARE_WORDS[fold(word)]
    found = re.fullmatch(r"(?:(\d{1,3}) )?(\d{1,3})/(\d{1,3})", word, re.ASCII)
    whole = number(word)
    if found and int(found[3]):
        value = int(found[1] or 0) + Fraction(int(found[2]), int(found[3]))
    elif whole is not None:
        value = Fraction(whole)
    elif re.fullmatch(r"\d{1,3}\.\d{1,2}", word, re.ASCII):
        value = Fraction(word)
    else:
        return None
    check_share(value)
    return value


_RHYTHMS = {
    "daily": ("daily", "day", "every day", "በየቀኑ", "ዕለታዊ"),
    "weekly": ("weekly", "week", "every week", "በየሳምንቱ", "ሳምንታዊ"),
    "monthly": ("monthly", "month", "every month", "በየወሩ", "ወርሃዊ"),
}
# With or without a space: በየ5 ቀኑ is how the sentences write it.
_EVERY_DAYS = re.compile("every ([0-9]+|[፩-፼]+) days?|በየ ?([0-9]+|[፩-፼]+) ?(?:ቀኑ|ቀን)")


def rhythm(words: Sequence[str]) -> tuple[Rhythm, list[str]] | None:
    """A rhythm among the words, and the words without it: ``weekly``, ``በየወሩ``, ``every 5 days``, ``በየ5 ቀኑ``."""
    text = [fold(word) for word in words]
    for i in range(len(text)):
        for size in (3, 2, 1):
            found = _EVERY_DAYS.fullmatch(" ".join(text[i : i + size])) if i + size <= len(text) else None
            days = number(found[1] or found[2]) if found else None
            if days and 1 <= days <= 366:
                return Rhythm(kind="days", every=days), [*words[:i], *words[i + size :]]
        for kind, names in _RHYTHMS.items():
            for name in names:
                size = len(name.split())
                if " ".join(text[i : i + size]) == fold(name):
                    return Rhythm.model_validate({"kind": kind}), [*words[:i], *words[i + size :]]
    return None
