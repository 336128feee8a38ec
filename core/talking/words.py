"""The words that people type for commands, in every language at once, and how careless typing is understood.

English works for everybody. The words themselves stand in ``locales/<language>/words.toml``; each belongs to one
command, and no word to two. A word is taken exactly where an answer may be meant; what is nearly a word, or stands
in a sentence around it, is looked for only when nothing else fits.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core import lexicon
from core.folding import fold, skeleton, squeezed, within_one_edit
from core.talking.understanding.amounts import is_amount_word
from core.talking.understanding.numbers import is_number_word

# Shortest word in which a slip is forgiven: shorter ones have too many neighbours.
FORGIVEN_FROM = 4
# Fewest consonants by which Latin typing of an Ethiopic word is known.
FEWEST_CONSONANTS = 3
# Words of the longest phrase that is a command: waan ku biirayaa.
_LONGEST_PHRASE = 4
_LATIN = frozenset({"om", "so"})
# A polite sentence is no longer than this before it gets to its word.
_MOST_BEFORE = 5

# pay500, pay:500, ክፈል=500; also pay-500, because nobody pays less than nothing.
_GLUED = re.compile(r"([^\W\d_]+)(?:[:=,/፡፦-]+(\S+)|([\d፩-፼]\S*))")
_AROUND = re.compile(r"^[^\w/?+\-]+|[^\w\s.%?]+$")
_CODE = re.compile(r"(?=[A-Za-z0-9-]*\d)[A-Za-z0-9-]{5,12}")
_PHONE = re.compile(r"\+?\d[\d-]{8,14}")


@dataclass(frozen=True)
class Meant:
    """A command, in whose languages its word was typed, and the words that stand around it."""

    command: str
    languages: tuple[str, ...]
    rest: tuple[str, ...]


@lru_cache(maxsize=1)
def commands() -> tuple[str, ...]:
    """Every command that has words."""
    return tuple(lexicon.read(lexicon.SOURCE_LANGUAGE)["commands"])


@lru_cache(maxsize=1)
def table() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Folded word → (command, languages that call it so)."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for language in lexicon.languages():
        for command, words in lexicon.read(language)["commands"].items():
            for word in words:
                before = found.get(fold(word), (command, ()))
                if before[0] == command and language not in before[1]:
                    found[fold(word)] = (command, (*before[1], language))
    return found


def _keyed(key: Callable[[str], str], *, shortest: int) -> dict[str, set[str]]:
    """Key → the words that have it, for words of a certain length."""
    found: dict[str, set[str]] = {}
    for known in table():
        if len(made := key(known)) >= shortest and " " not in known:
            found.setdefault(made, set()).add(known)
    return found


@lru_cache(maxsize=1)
def _by_squeezed() -> dict[str, set[str]]:
    return _keyed(squeezed, shortest=FORGIVEN_FROM - 1)


@lru_cache(maxsize=1)
def _by_skeleton() -> dict[str, set[str]]:
    """Of Ethiopic words only: a Latin word is written as it is written."""
    return _keyed(lambda known: "" if known.isascii() else skeleton(known), shortest=FEWEST_CONSONANTS)


@lru_cache(maxsize=8192)
def command_of(word: str, *, forgiving: bool = True, language: str = "") -> tuple[str, tuple[str, ...]] | None:
    """(command, languages) that a typed word means, or None. ``forgiving``: also with a slip, or typed in Latin.

    ``language``: the speaker's, where it is known. Who writes Oromo or Somali does not write Amharic in Latin letters.
    """
    folded = fold(word.lstrip("/").partition("@")[0])
    exact = table().get(folded)
    if exact or not forgiving or len(folded) < FORGIVEN_FROM or _means_something_else(folded):
        return exact
    for candidates in _near(folded, latin=language not in _LATIN):
        meant = {table()[known] for known in candidates}
        if len({command for command, _ in meant}) == 1:
            return next(iter(sorted(meant)))
        if meant:
            return None
    return None


def _means_something_else(folded: str) -> bool:
    """Whether it is a word of its own: look is no slip of book, and har'a (today) none of haaraa (new)."""
    return (
        any(folded in lexicon.names("words", kind) for kind in ("polite", "not", "common"))
        or any(folded in lexicon.table(section) for section in ("days", "weekdays"))
        or is_number_word(folded)
    )


def _near(folded: str, *, latin: bool) -> Iterator[set[str]]:
    """Words that may be meant, the likelier ones first."""
    yield _by_squeezed().get(squeezed(folded), set())
    yield {known for known in table() if len(known) >= FORGIVEN_FROM and within_one_edit(folded, known)}
    if latin and folded.isascii() and folded.isalpha():
        consonants = skeleton(folded)
        yield _by_skeleton().get(consonants, set()) if len(consonants) >= FEWEST_CONSONANTS else set()


def _words(text: str) -> list[str]:
    """The words of a message, without emoji and quotation marks around it."""
    return (_AROUND.sub("", text) or text).split()


def said(text: str, language: str = "") -> Meant | None:
    """The command whose word stands, as it is spelled, at the beginning of a message; the longest of several.

    A greeting before a command is a greeting: ``asc bixi 700`` pays.
    """
    exact = _spelled(_words(text))
    if exact is None or exact.command not in _GREETINGS or not exact.rest:
        return exact
    inner = _spelled(exact.rest) or understood(" ".join(exact.rest), language)
    return inner if inner is not None and inner.command not in _BARE else exact


def _spelled(words: Sequence[str]) -> Meant | None:
    """The command that the words begin with, to the letter."""
    for size in range(min(_LONGEST_PHRASE, len(words)), 0, -1):
        meant = command_of(" ".join(words[:size]), forgiving=False)
        if meant is not None:
            return Meant(*meant, tuple(words[size:]))
    return None


def understood(text: str, language: str = "") -> Meant | None:
    """The command that a message means when it does not begin with its word: careless, polite, or verb-last.

    ``kaffali500``, ``kifel 500``, ``please pay 500``, ``500 ብር ከፈልኩ``. What says not, or not yet, is none.
    """
    words = _words(text)
    near = _nearly(words, language)
    if near is not None:
        return near
    if any(lexicon.is_a(word, "words", "not") or lexicon.meaning("days", word) == "tomorrow" for word in words):
        return None
    return _after_polite_words(words) or _at_the_end(words, language)


def heard(text: str, language: str = "") -> Meant | None:
    """What a message means that answers no question: by its first words, or else as ``understood``."""
    return said(text, language) or understood(text, language)


def _nearly(words: Sequence[str], language: str) -> Meant | None:
    """The first word with a slip in it, or with what is glued to it taken apart."""
    if not words:
        return None
    near = command_of(words[0], language=language)
    if near is not None:
        return Meant(*near, tuple(words[1:]))
    glued = _GLUED.fullmatch(words[0])
    near = command_of(glued[1], language=language) if glued else None
    return Meant(*near, (glued[2] or glued[3], *words[1:])) if glued and near else None


def is_polite(word: str) -> bool:
    """Whether a word means nothing by itself around a command: please, my, now."""
    return lexicon.is_a(word, "words", "polite")


def may_be_left(word: str) -> bool:
    """Whether a word may stand behind a command unread. Not "to": a voice keyboard writes two so."""
    return is_polite(word) and not any(lexicon.is_a(word, "words", key) for key in ("to", "for"))


def _after_polite_words(words: Sequence[str]) -> Meant | None:
    """A command as it is spelled, after words that mean nothing by themselves; a payment with nothing but its sum."""
    for at in range(1, min(_MOST_BEFORE + 1, len(words))):
        if not is_polite(words[at - 1]):
            return None
        meant = _spelled(words[at:])
        if meant is None or meant.command in _BARE:
            continue
        if meant.command not in _MONEY or all(is_polite(word) or is_amount_word(word) for word in meant.rest):
            return meant
    return None


def _at_the_end(words: Sequence[str], language: str) -> Meant | None:
    """A command at the end, with what it needs before it: ``500 ብር ከፈልኩ``, ``K7M2Q4 join``, ``what is my status``."""
    end = len(words)
    while end > 1 and is_polite(words[end - 1]):
        end -= 1
    meant = command_of(words[end - 1], language=language) if end > 1 else None
    belongs = _BEFORE.get(meant[0]) if meant else None
    if meant is None or belongs is None:
        return None
    kept = [word for word in words[: end - 1] if not is_polite(word)]
    if all(belongs(word) for word in kept):
        return Meant(*meant, tuple(kept)) if kept or meant[0] in _READING or meant[0] in _MONEY else None
    # Somebody has paid, and what else was said is not understood: the amount is asked for, never picked out.
    return Meant(*meant, ()) if meant[0] in _MONEY and _VERB_LAST & set(meant[1]) else None


# Answers and greetings mean something only by themselves.
_BARE = frozenset({"YES", "NO", "THANKS", "START"})
_GREETINGS = frozenset({"START", "THANKS"})
_VERB_LAST = frozenset({"am", "ti", "om", "so"})
_MONEY = frozenset({"PAY"})
_READING = frozenset({"STATUS", "ROUND", "HISTORY", "RULES", "MEMBERS", "ORDER", "STATEMENT", "BOOK", "CIRCLE", "HELP"})
# What may stand before a command at the end of a message.
_BEFORE: dict[str, Callable[[str], bool]] = {
    "PAY": is_amount_word,
    **dict.fromkeys(("JOIN", "VERIFY", "RECEIPT"), lambda word: bool(_CODE.fullmatch(word))),
    "INVITE": lambda word: bool(_PHONE.fullmatch(word)),
    **dict.fromkeys(_READING, lambda word: False),
}


def word_for(command: str, language: str) -> str:
    """How a command is called in a language; English where it has no word of its own."""
    own = lexicon.read(language) if language in lexicon.languages() else {}
    words = own.get("commands", {}).get(command) or lexicon.read(lexicon.SOURCE_LANGUAGE)["commands"][command]
    return words[0]
