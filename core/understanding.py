"""Understanding what people type: folding, amounts, shares, counts and rhythms. Pure.

Careless typing is forgiven in words, never in amounts, names or codes.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from unicodedata import normalize

from core.errors import Refusal
from core.groups import check_share
from core.money import Money, parse_decimal
from core.rules import Rhythm

_HOMOPHONES: dict[int, int] = {}
for _family in ("ሀሐኀኸ", "ሰሠ", "አዐ", "ጸፀ"):
    for _other in _family[1:]:
        for _order in range(7):
            _HOMOPHONES[ord(_other) + _order] = ord(_family[0]) + _order
# The first and the fourth order of these sound alike in Amharic.
_HOMOPHONES |= {ord("ሃ"): ord("ሀ"), ord("ኣ"): ord("አ")}

_PUNCTUATION = re.compile(r"[፠፡።፣፤፥፦፧.,;:!\"'’“”()\[\]]+")
_ETHIOPIC = {**{chr(0x1369 + n): n + 1 for n in range(9)}, **{chr(0x1372 + n): 10 * (n + 1) for n in range(9)}}
_HUNDRED, _TEN_THOUSAND = "፻", "፼"
_CURRENCY_WORDS = ("ብር", "birr", "br", "etb", "usd", "dollar", "ዶላር", "$")


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
    """``፲፭፻`` → 1500. Not positional: a group before ፻ is its hundreds, before ፼ its ten thousands."""
    if not text or any(c not in _ETHIOPIC and c not in (_HUNDRED, _TEN_THOUSAND) for c in text):
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

    1500 · 1,500 · 1500.00 · 1500birr · 1500 ብር · ፲፭፻. Raises ``Refusal("amount.…")`` for one that cannot be.
    """
    for i, word in enumerate(words):
        digits = _digits(word)
        if digits is None:
            continue
        rest = [*words[:i], *words[i + 1 :]]
        if i < len(rest) and rest[i].casefold() in _CURRENCY_WORDS:
            del rest[i]
        return parse_decimal(digits, currency), rest
    return None


def _digits(word: str) -> str | None:
    """The word as plain decimal digits, or None when it is not an amount."""
    bare = normalize("NFKC", word).casefold()
    for currency_word in _CURRENCY_WORDS:
        bare = bare.removesuffix(currency_word).removeprefix(currency_word)
    ethiopic = ethiopic_number(bare)
    if ethiopic is not None:
        return str(ethiopic)
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", bare, re.ASCII):
        return bare.replace(",", "")
    if re.fullmatch(r"-?\d+(\.\d+)?", bare, re.ASCII):
        return bare
    return None


def share(text: str) -> Fraction | None:
    """``1``, ``2``, ``1/2``, ``3/10``, ``1.5``, ``half``, ``ግማሽ`` → lots; None when it is not a share."""
    word = fold_share(text)
    if word in ("half", fold("ግማሽ")):
        return Fraction(1, 2)
    found = re.fullmatch(r"(\d{1,3})/(\d{1,3})", word, re.ASCII)
    if found and int(found[2]):
        value = Fraction(int(found[1]), int(found[2]))
    elif re.fullmatch(r"\d{1,3}(\.\d{1,2})?", word, re.ASCII):
        value = Fraction(word)
    else:
        return None
    check_share(value)
    return value


def fold_share(text: str) -> str:
    """A share as typed, without spaces around the stroke; ½ and its like as 1/2."""
    return re.sub(r"\s*[/⁄]\s*", "/", normalize("NFKC", text).strip().casefold())


_RHYTHMS = {
    "daily": ("daily", "day", "every day", "በየቀኑ", "ዕለታዊ"),
    "weekly": ("weekly", "week", "every week", "በየሳምንቱ", "ሳምንታዊ"),
    "monthly": ("monthly", "month", "every month", "በየወሩ", "ወርሃዊ"),
}


def rhythm(words: Sequence[str]) -> tuple[Rhythm, list[str]] | None:
    """A rhythm among the words, and the words without it: ``weekly``, ``every month``, ``every 5 days``."""
    text = [fold(word) for word in words]
    for i in range(len(text)):
        if text[i] == "every" and i + 2 < len(text) and text[i + 2] == "days":
            days = number(text[i + 1])
            if days and 1 <= days <= 366:
                return Rhythm(kind="days", every=days), [*words[:i], *words[i + 3 :]]
        for kind, names in _RHYTHMS.items():
            for name in names:
                size = len(name.split())
                if " ".join(text[i : i + size]) == fold(name):
                    return Rhythm.model_validate({"kind": kind}), [*words[:i], *words[i + size :]]
    return None


def first(found: tuple[object, list[str]] | None, code: str, typed: str) -> object:
    """What was found, if it was all of the text; else the Refusal ``code``."""
    if found is None or found[1]:
        raise Refusal(code, typed=typed[:40])
    return found[0]
