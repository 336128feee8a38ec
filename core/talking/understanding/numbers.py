"""Whole numbers as people write them: digits, Ethiopic numerals, words in five languages, and mixtures. Pure.

A number is understood wholly or not at all. What could be two numbers (``five seven``) is none.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from core import lexicon
from core.folding import fold

# Letters; the longest amount has thirteen.
LONGEST_ETHIOPIC = 20
_ETHIOPIC = {**{chr(0x1369 + n): n + 1 for n in range(9)}, **{chr(0x1372 + n): 10 * (n + 1) for n in range(9)}}
_HUNDRED, _TEN_THOUSAND = "፻", "፼"
# A group is a number below a hundred; blocks of (groups of hundreds and) ones stand before and after each ፼.
_GROUP = "(?:[፲-፺][፩-፱]?|[፩-፱])"
_BLOCK = f"(?:{_GROUP}?፻)?{_GROUP}?"
_ETHIOPIC_NUMBER = re.compile(f"(?:{_BLOCK}፼)*{_BLOCK}")

# In these languages the hundreds and thousands stand before their number: kuma shan is five thousand.
_SCALE_FIRST = frozenset({"om"})
# Here ones stand before tens (shan iyo labaatan), so that toban iyo shan boqol is fifteen hundred to nobody.
_ONES_FIRST = frozenset({"so"})
# Fifteen hundred is said, seventy hundred is a slip of seven.
_MOST_HUNDREDS = 19
_SCALES = (1_000_000, 1_000, 100)
MOST_WORDS = 12
_LONGEST_GLUED = 40


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
    """A whole number in digits, Ethiopic numerals or words."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return int(text)
    found = ethiopic_number(text)
    if found is None and text:
        words = text.split()
        found = in_words(words) if len(words) <= MOST_WORDS else None
    return found


@lru_cache(maxsize=8)
def _words_of(language: str) -> dict[str, int]:
    entries = lexicon.read(language).get("numbers", {})
    return {fold(word): int(key) for key, words in entries.items() if key.isdigit() for word in words}


@lru_cache(maxsize=8)
def _joiners(language: str) -> frozenset[str]:
    return frozenset(fold(word) for word in lexicon.read(language).get("numbers", {}).get("and", ()))


@lru_cache(maxsize=1)
def _all_words() -> frozenset[str]:
    return frozenset(word for language in lexicon.languages() for word in _words_of(language))


@lru_cache(maxsize=1)
def _suffixes() -> tuple[str, ...]:
    return tuple(joiner[1:] for language in lexicon.languages() for joiner in _joiners(language) if joiner[0] == "-")


def is_number_word(word: str) -> bool:
    """Whether the word alone is a number in some language, also with "and" hanging on it: ሽሕን."""
    folded = fold(word)
    return folded in _all_words() or any(
        folded.endswith(suffix) and folded.removesuffix(suffix) in _all_words() for suffix in _suffixes()
    )


def is_joiner(word: str) -> bool:
    """Whether the word joins numbers in some language: and, እና, fi, iyo."""
    return any(fold(word) in _joiners(language) for language in lexicon.languages())


def _bare(word: str) -> set[str]:
    folded = fold(word)
    return {folded, *(folded.removesuffix(suffix) for suffix in _suffixes())}


def scale_of(word: str) -> int | None:
    """100, 1,000 or 1,000,000 for a word that means it, else None."""
    bare = _bare(word)
    values = (_words_of(language).get(one) for language in lexicon.languages() for one in bare)
    return next((value for value in values if value in _SCALES), None)


def counts_after(word: str) -> bool:
    """Whether the word is a scale whose number follows it: kuma 2."""
    return any(
        _words_of(language).get(one) in _SCALES
        for language in _SCALE_FIRST & set(lexicon.languages())
        for one in _bare(word)
    )


@lru_cache(maxsize=4096)
def taken_apart(word: str) -> tuple[str, ...]:
    """The number words that were written as one, in one language: አምስትመቶ. Empty when it is no such word."""
    folded = fold(word)
    if len(folded) > _LONGEST_GLUED or folded in _all_words():
        return ()
    for language in lexicon.languages():
        found = _pieces(folded, tuple(sorted(_words_of(language), key=len, reverse=True)))
        if len(found) > 1:
            return found
    return ()


def _pieces(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    for word in known:
        if len(word) > 1 and text.startswith(word):
            if text == word:
                return (word,)
            if rest := _pieces(text[len(word) :], known):
                return (word, *rest)
    return ()


def in_words(words: Sequence[str]) -> int | None:
    """The number that these words are, all of them, in one language; None when they are not one number.

    A digit stands for its word: ``5 ሺህ``, ``kuma 2``. At least one word has to be a word.
    """
    folded = [fold(word) for word in words]
    found = {value for language in lexicon.languages() if (value := _in_language(folded, language)) is not None}
    return found.pop() if len(found) == 1 else None


def _in_language(folded: Sequence[str], language: str) -> int | None:
    known, joiners = _words_of(language), _joiners(language)
    suffixes = tuple(joiner[1:] for joiner in joiners if joiner.startswith("-"))
    # None stands where a word joins: it says that what is before it is whole.
    values: list[int | None] = []
    for word in folded:
        bare = next((word.removesuffix(s) for s in suffixes if word.endswith(s) and word not in known), word)
        if bare in known:
            values += [known[bare]] if bare == word else [known[bare], None]
        elif re.fullmatch(r"[1-9]\d{0,5}", bare, re.ASCII):
            values += [int(bare)] if bare == word else [int(bare), None]
        elif word in joiners:
            values.append(None)
        else:
            return None
    while values and values[-1] is None and folded[-1] not in joiners:
        values.pop()
    if not any(word in known or word.removesuffix(s) in known for word in folded for s in (*suffixes, "")):
        return None
    if not values or values[0] is None or values[-1] is None:
        return None
    if language in _SCALE_FIRST:
        return _scales_first(values)
    return _scales_last([value for value in values if value is not None], ones_first=language in _ONES_FIRST)


def _sum(terms: list[int]) -> int | None:
    """What terms make together, each smaller than what the one before leaves room for: 5,000 then 300 then 25."""
    if any(later >= _room(earlier) for earlier, later in pairwise(terms)):
        return None
    return sum(terms)


def _room(term: int) -> int:
    return next((scale for scale in _SCALES if term >= scale and term % scale == 0), 0)


def _below_hundred(values: list[int], *, ones_first: bool = False) -> int | None:
    """``[20, 5]`` → 25, with ``ones_first`` also ``[5, 20]``; ``[300]``, in digits, is itself; None for the rest."""
    if len(values) == 1:
        return values[0] if values[0] not in _SCALES else None
    if len(values) == 2:
        large, small = (max(values), min(values)) if ones_first else values
        if 1 <= small <= 9 and 10 <= large <= 90 and large % 10 == 0:
            return small + large
    return None


def _scales_last(values: list[int], *, ones_first: bool) -> int | None:
    """five thousand three hundred twenty five: each scale after its number."""
    terms: list[int] = []
    rest = values
    for scale in _SCALES:
        if scale not in rest:
            continue
        # A hundred may also stand before the thousand that it counts: five hundred thousand.
        at = rest.index(scale)
        before, rest = rest[:at], rest[at + 1 :]
        if scale in rest:
            return None
        times: int | None = 1
        if before:
            times = _below_hundred(before) if scale == 100 else _scales_last(before, ones_first=ones_first)
        most = (9 if ones_first else _MOST_HUNDREDS) if scale == 100 else 999
        if times is None or times > most:
            return None
        terms.append(times * scale)
    if rest:
        ones = _below_hundred(rest, ones_first=ones_first)
        if ones is None:
            return None
        terms.append(ones)
    return _sum(terms)


def _scales_first(values: list[int | None]) -> int | None:
    """kuma shan dhibba sadii: each scale before its number, which may be left out where it is one."""
    terms: list[int] = []
    at = 0
    for scale in _SCALES:
        if at >= len(values) or values[at] != scale:
            continue
        end = at + 1
        while end < len(values) and values[end] is not None and values[end] not in _SCALES:
            end += 1
        counted = [value for value in values[at + 1 : end] if value is not None]
        if scale == 100 and len(counted) > 1:
            # dhibba shan digdama: five hundred and twenty.
            counted, end = counted[:1], at + 2
        joined = end < len(values) and values[end] is None
        if not counted and end < len(values) and not joined:
            # kuma dhibba tokko is a hundred thousand to one and eleven hundred to another.
            return None
        times = _below_hundred(counted) if counted else 1
        if times is None or (scale == 100 and times > 99):
            return None
        terms.append(times * scale)
        at = end + joined
    rest = [value for value in values[at:] if value is not None]
    if rest:
        ones = _below_hundred(rest)
        if ones is None:
            return None
        terms.append(ones)
    return _sum(terms)
