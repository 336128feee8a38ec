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

# Shortest word in which a slip is forgiven: shorter ones have too many neighbours.
FORGIVEN_FROM = 4
# Fewest consonants by which Latin typing of an Ethiopic word is known.
FEWEST_CONSONANTS = 3
# Words of the longest phrase that is a command: waan ku biirayaa.
_LONGEST_PHRASE = 4
# A polite sentence is no longer than this before it gets to its word.
_MOST_BEFORE = 5

_GLUED = re.compile(r"([^\W\d_]+)(\d.*)")


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


@lru_cache(maxsize=4096)
def command_of(word: str, *, forgiving: bool = True) -> tuple[str, tuple[str, ...]] | None:
    """(command, languages) that a typed word means, or None. ``forgiving``: also with a slip, or typed in Latin."""
    folded = fold(word.lstrip("/").partition("@")[0])
    exact = table().get(folded)
    if exact or not forgiving or len(folded) < FORGIVEN_FROM:
        return exact
    for candidates in _near(folded):
        meant = {table()[known] for known in candidates}
        if len({command for command, _ in meant}) == 1:
            return next(iter(sorted(meant)))
        if meant:
            return None
    return None


def _near(folded: str) -> Iterator[set[str]]:
    """Words that may be meant, the likelier ones first."""
    yield _by_squeezed().get(squeezed(folded), set())
    yield {known for known in table() if len(known) >= FORGIVEN_FROM and within_one_edit(folded, known)}
    if folded.isascii() and folded.isalpha():
        consonants = skeleton(folded)
        yield _by_skeleton().get(consonants, set()) if len(consonants) >= FEWEST_CONSONANTS else set()


def said(text: str) -> Meant | None:
    """The command whose word stands, as it is spelled, at the beginning of a message; the longest of several."""
    words = text.split()
    for size in range(min(_LONGEST_PHRASE, len(words)), 0, -1):
        meant = command_of(" ".join(words[:size]), forgiving=False)
        if meant is not None:
            return Meant(*meant, tuple(words[size:]))
    return None


def understood(text: str) -> Meant | None:
    """The command that a message means when it does not begin with its word: careless, polite, or verb-last.

    ``kaffali500``, ``kifel 500``, ``please pay 500``, ``500 ብር ከፈልኩ``. What says no (``not``, ``hin``) is none.
    """
    words = text.split()
    near = _nearly(words)
    if near is not None:
        return near
    if any(lexicon.is_a(word, "words", "not") for word in words):
        return None
    return _in_sentence(words)


def heard(text: str) -> Meant | None:
    """What a message means that answers no question: by its first words, or else as ``understood``.

    A greeting before a command is a greeting: ``asc bixi 700`` pays.
    """
    exact = said(text)
    if exact is not None and exact.command in GREETINGS and exact.rest:
        inner = said(" ".join(exact.rest)) or understood(" ".join(exact.rest))
        if inner is not None and inner.command not in _BARE:
            return inner
    return exact or understood(text)


def _nearly(words: Sequence[str]) -> Meant | None:
    """The words with what is glued to the first taken apart, or with a slip in it."""
    if not words:
        return None
    near = command_of(words[0])
    if near is not None:
        return Meant(*near, tuple(words[1:]))
    glued = _GLUED.fullmatch(words[0])
    near = command_of(glued[1]) if glued else None
    return Meant(*near, (glued[2], *words[1:])) if glued and near else None


def _in_sentence(words: Sequence[str]) -> Meant | None:
    """A command's exact word after polite ones, or at the end after an amount."""
    for at, word in enumerate(words[: _MOST_BEFORE + 1]):
        meant = command_of(word, forgiving=False)
        if meant and at and meant[0] not in _BARE:
            return Meant(*meant, tuple(words[at + 1 :]))
        if not lexicon.is_a(word, "words", "polite"):
            break
    *before, last = words or [""]
    meant = command_of(last) if before else None
    if meant and meant[0] in _VERB_LAST and any(is_amount_word(word) for word in before):
        kept = [word for word in before if not lexicon.is_a(word, "words", "polite")]
        if all(is_amount_word(word) for word in kept):
            return Meant(*meant, tuple(kept))
    return None


# Answers and greetings mean something only by themselves.
_BARE = frozenset({"YES", "NO", "THANKS", "START"})
GREETINGS = frozenset({"START", "THANKS"})
# What is said after its amount where the verb comes last: 500 ብር ከፈልኩ.
_VERB_LAST = frozenset({"PAY"})


def word_for(command: str, language: str) -> str:
    """How a command is called in a language; English where it has no word of its own."""
    own = lexicon.read(language) if language in lexicon.languages() else {}
    words = own.get("commands", {}).get(command) or lexicon.read(lexicon.SOURCE_LANGUAGE)["commands"][command]
    return words[0]
