"""Amounts of money and shares of lots as people write them. Pure. What may mean two amounts is none."""

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from unicodedata import normalize

from core import lexicon
from core.errors import Refusal
from core.folding import fold
from core.money import MINOR_DIGITS, Money, parse_decimal
from core.rules import check_share
from core.talking.understanding.numbers import (
    MOST_WORDS,
    counts_after,
    ethiopic_number,
    in_words,
    is_joiner,
    is_number_word,
    number,
    scale_of,
    taken_apart,
)

# What ends a word in Ethiopic writing and is never part of a number, as a point or a comma might be.
_FULL_STOPS = "።፣፤፥!?"
# A number below this that is written as a word alone is no amount: "one" and "a" stand in many sentences.
_SMALLEST_ALONE = 10
_GLUED = re.compile(r"([\d፩-፼][\d፩-፼.,]*)([^\W\d_፩-፼]+)|([^\W\d_፩-፼]+)(\d[\d.,]*)")
# Nine digits with a mobile network's first one are somebody's number.
_PHONE_LIKE = re.compile(r"(?:251)?[79]\d{8}")

_VULGAR = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")


@lru_cache(maxsize=8)
def _currency_words(currency: str) -> tuple[str, ...]:
    """What people call the money they pay in, longest first; another currency's word is never taken for this one's."""
    try:
        return tuple(sorted(lexicon.names("currencies", currency), key=len, reverse=True))
    except KeyError:
        return (currency.casefold(),)


def amount(words: Sequence[str], currency: str, *, mixed: bool = True) -> tuple[Money, list[str]] | None:
    """The first amount among the words, and the words without it; None when there is none.

    1500 · 1,500 · 1500.00 · 1500birr · 1500 ብር · ብር 1500 · ፲፭፻ · አንድ ሺህ አምስት መቶ · 2k · kuma tokko fi dhibba shan.
    Raises ``Refusal("amount.…")`` for one that cannot be. What may mean two amounts is none: 1.500, 0,500,
    0911223344, 100 of another currency. ``mixed``: 1 ሺህ 500 is one amount; it is none where a count may follow.
    """
    names = _currency_words(currency)
    spread = _spread(words, names)
    for i in range(len(spread)):
        found = _at(spread, i, names, mixed=mixed)
        if found is None:
            continue
        digits, size = found
        if digits is None:
            return None
        rest = [*spread[:i], *spread[i + size :]]
        if i < len(rest) and fold(rest[i]) in names:
            del rest[i]
        elif i and fold(rest[i - 1]) in names:
            del rest[i - 1]
        if len(digits.partition(".")[2]) > MINOR_DIGITS[currency]:
            raise Refusal("amount.too_fine", digits=MINOR_DIGITS[currency])
        return parse_decimal(digits, currency), rest
    return None


def _spread(words: Sequence[str], currency_words: Sequence[str]) -> list[str]:
    """The words, with a number taken apart from the number word or currency that is glued to it: 5መቶ, 2k, ብር500."""
    out: list[str] = []
    for word in words:
        glued = _GLUED.fullmatch(word.rstrip(_FULL_STOPS + ".,"))
        parts = [part for part in glued.groups() if part] if glued else []
        if any(is_number_word(part) or fold(part) in currency_words for part in parts):
            out += parts
        elif pieces := taken_apart(word):
            out += pieces
        else:
            out.append(word)
    return out


def _at(words: Sequence[str], i: int, currency_words: Sequence[str], *, mixed: bool) -> tuple[str | None, int] | None:
    """The amount that begins at a word, as (plain decimal digits, how many words); digits None: it cannot be told."""
    digits = _digits(words[i], currency_words)
    if digits is None and not is_number_word(words[i]):
        return None
    end = i + 1
    while end < len(words) and end - i < MOST_WORDS and (is_number_word(words[end]) or _joins(words, end)):
        end += 1
    if digits is not None and end == i + 1:
        return digits, 1
    if digits is not None and "." in digits and (scale := scale_of(words[i + 1])):
        # One and a half thousand: 1.5 ሺህ, 2.5k.
        value = Fraction(digits) * scale
        whole = end == i + 2 and scale >= 1_000 and value.denominator == 1
        return (str(value.numerator) if whole else None), end - i
    run = [_plain(word, currency_words) for word in words[i:end]]
    lone = len(run) == 1 and not scale_of(words[i])
    value_of_run = in_words(run)
    if value_of_run is None:
        # A word that may be a number and may be none stands alone; where several do, nobody guesses.
        return None if lone else (None, end - i)
    if value_of_run > 1_000 and 0 < value_of_run % 1_000 < _SMALLEST_ALONE and not any(map(is_joiner, run)):
        # ሺ አምስት is a thousand and five to a book, and fifteen hundred in the market.
        return None, end - i
    if lone and value_of_run < _SMALLEST_ALONE and not _beside(words, i, currency_words):
        return None
    if not mixed and any(word.isdigit() for word in run[1:]):
        return None, end - i
    return str(value_of_run), end - i


def _beside(words: Sequence[str], i: int, currency_words: Sequence[str]) -> bool:
    return any(0 <= at < len(words) and fold(words[at]) in currency_words for at in (i - 1, i + 1))


def _joins(words: Sequence[str], at: int) -> bool:
    """Whether a word belongs to the number before it: "and" with a number after it, or hundreds in digits."""
    if is_joiner(words[at]):
        return at + 1 < len(words) and (is_number_word(words[at + 1]) or words[at + 1].isdigit())
    before = words[at - 1]
    if not re.fullmatch(r"[1-9]\d{0,2}", words[at], re.ASCII):
        return False
    if is_joiner(before):
        return True
    following = scale_of(words[at + 1]) if at + 1 < len(words) else None
    if counts_after(before) or (following and following < (scale_of(before) or 0)):
        return True
    # 1 ሺህ 500, never 1 ሺህ 12: that is a thousand, and twelve of something.
    scale = scale_of(before)
    return scale is not None and len(words[at]) == (3 if scale >= 1_000 else 2)


def _plain(word: str, currency_words: Sequence[str]) -> str:
    return _digits(word, currency_words) or word


def _digits(word: str, currency_words: Sequence[str]) -> str | None:
    """The word as plain decimal digits, or None when it is not an amount."""
    bare = normalize("NFKC", word).casefold().rstrip(_FULL_STOPS + ".,")
    for currency_word in currency_words:
        if bare != currency_word and (bare.startswith(currency_word) or bare.endswith(currency_word)):
            bare = bare.removesuffix(currency_word) if bare.endswith(currency_word) else bare[len(currency_word) :]
            break
    ethiopic = ethiopic_number(bare)
    if ethiopic is not None:
        return str(ethiopic)
    if _PHONE_LIKE.fullmatch(bare):
        return None
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
    named = lexicon.meaning("shares", word)
    if named is not None:
        return Fraction(named)
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


def is_amount_word(word: str) -> bool:
    """Whether a word belongs to an amount: digits, a number in words, a currency, or both in one."""
    currencies = _currency_words("ETB")
    parts = _spread([word], currencies)
    return all(
        _digits(part, currencies) is not None or is_number_word(part) or is_joiner(part) or fold(part) in currencies
        for part in parts
    )
