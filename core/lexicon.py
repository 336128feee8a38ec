"""The words that people type, as data: ``locales/<language>/words.toml``, a file that needs no programmer.

Each entry is a list: first the word that sentences name, then others that mean the same. Words are looked up as
people type them, folded (case, homophones, punctuation), in all languages at once: who speaks one writes a word of
another in the same breath. So no word may mean two things within a section, in whatever language.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from core.folding import fold

LOCALES = Path(__file__).resolve().parent.parent / "locales"
SOURCE_LANGUAGE = "en"

Sections = Mapping[str, Mapping[str, tuple[str, ...]]]


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The languages that have words, English first."""
    found = sorted(path.parent.name for path in LOCALES.glob("*/words.toml"))
    return (SOURCE_LANGUAGE, *(language for language in found if language != SOURCE_LANGUAGE))


@lru_cache(maxsize=8)
def read(language: str) -> Sections:
    """Everything a language's file holds. Raises ``ValueError`` where it holds something else than lists of words."""
    with (LOCALES / language / "words.toml").open("rb") as file:
        data = tomllib.load(file)
    for section, entries in data.items():
        if not isinstance(entries, dict):
            raise ValueError(f"{language}: {section} is no section")
        for key, words in entries.items():
            if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
                raise ValueError(f"{language}: {section}.{key} is no list of words")
    return {section: {key: tuple(words) for key, words in entries.items()} for section, entries in data.items()}


@lru_cache(maxsize=512)
def names(section: str, key: str) -> frozenset[str]:
    """Every word of every language that means ``key``, folded."""
    found = frozenset(fold(word) for language in languages() for word in read(language).get(section, {}).get(key, ()))
    if not any(key in read(language).get(section, {}) for language in languages()):
        raise KeyError(f"{section}.{key}")
    return found


@lru_cache(maxsize=64)
def table(section: str) -> Mapping[str, str]:
    """Folded word → its key, over all languages."""
    found: dict[str, str] = {}
    for _, key, word in _entries(section):
        found.setdefault(fold(word), key)
    return found


@lru_cache(maxsize=64)
def known(section: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each key of a section with all its words, of every language, as they are written."""
    return tuple(
        (key, tuple(word for language in languages() for word in read(language).get(section, {}).get(key, ())))
        for key in read(SOURCE_LANGUAGE)[section]
    )


def meaning(section: str, typed: str) -> str | None:
    """The key that a typed word (or phrase) stands for in a section, or None."""
    return table(section).get(fold(typed))


def is_a(typed: str, section: str, key: str) -> bool:
    """Whether the typed word means ``key``: it may mean another thing in another place."""
    return fold(typed) in names(section, key)


def _entries(section: str) -> Iterator[tuple[str, str, str]]:
    for language in languages():
        for key, words in read(language).get(section, {}).items():
            for word in words:
                yield language, key, word


# Sections whose words are looked for one key, or in one language, at a time: "and" is one in Amharic.
_SEPARATE = frozenset({"words", "numbers"})


def check() -> list[str]:
    """Everything wrong with the files of words, a sentence each."""
    faults = []
    wanted = {section: set(entries) for section, entries in read(SOURCE_LANGUAGE).items()}
    for language in languages():
        has = {section: set(entries) for section, entries in read(language).items()}
        for section in wanted.keys() | has.keys():
            lacks = wanted.get(section, set()) - has.get(section, set())
            if section == "numbers":
                lacks = {key for key in lacks if not 10 < (int(key) if key.isdigit() else 0) < 20}
            elif extra := has.get(section, set()) - wanted.get(section, set()):
                faults.append(f"{language}: words.toml: nobody reads {section}: {', '.join(sorted(extra))}")
            if lacks:
                faults.append(f"{language}: words.toml: {section} lacks {', '.join(sorted(lacks))}")
    for section in wanted:
        if section in _SEPARATE:
            continue
        seen: dict[str, tuple[str, str]] = {}
        for language, key, word in _entries(section):
            before = seen.setdefault(fold(word), (key, language))
            if before[0] != key:
                faults.append(f"words.toml: {section}: {word} means {before[0]} ({before[1]}) and {key} ({language})")
    return faults
