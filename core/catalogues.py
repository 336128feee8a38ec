"""The message catalogues: gettext files under ``locales/``, read as text, checked by ``./equb check``.

A language is offered to people only when every sentence of it is there. Catalogues are read from the .po files
themselves, so that a translator's change needs no compiling.
"""

import csv
import re
import sys
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from core import lexicon
from core.calendar import ETHIOPIAN, GREGORIAN

LOCALES = Path(__file__).resolve().parent.parent / "locales"
SOURCES = ("core", "bot")
DOMAIN = "equb"
SOURCE_LANGUAGE = "en"

# Each language under its own name, in the order of the menu. Offered: those whose catalogue is complete.
NAMES = {"am": "አማርኛ", "om": "Afaan Oromoo", "ti": "ትግርኛ", "so": "Soomaali", "en": "English"}
ETHIOPIAN_CALENDAR = frozenset({"am", "om", "ti"})

_PLURAL_ONE = {"am": (0, 1), "ti": (0, 1)}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@lru_cache(maxsize=8)
def _read(language: str) -> Catalog:
    path = LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


@lru_cache(maxsize=8)
def _table(language: str) -> dict[str, tuple[str, ...]]:
    # A language that nobody has begun to translate is asked for too: a paper in it is in English.
    if language == SOURCE_LANGUAGE or not (LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").exists():
        return {}
    table: dict[str, tuple[str, ...]] = {}
    for message in _read(language):
        if not message.id or message.fuzzy:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if all(forms):
            table[key] = tuple(str(form) for form in forms)
    return table


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The languages that are complete, and therefore offered, in the order of the menu."""
    complete = []
    for language in NAMES:
        if language == SOURCE_LANGUAGE or (
            (LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").exists() and not list(_faults(language))
        ):
            complete.append(language)
    return tuple(complete)


def usual_calendar(language: str) -> str:
    """The calendar and the clock by which most readers of a language count: ``ethiopian`` or ``gregorian``."""
    return ETHIOPIAN if language in ETHIOPIAN_CALENDAR else GREGORIAN


def translate(language: str, source: str) -> str:
    """The sentence in a language; English where the catalogue has none."""
    forms = _table(language).get(source)
    return forms[0] if forms else source


def translate_plural(language: str, one: str, many: str, count: int) -> str:
    """The form for ``count``; one is {0, 1} in Amharic and Tigrinya, {1} elsewhere."""
    singular = count in _PLURAL_ONE.get(language, (1,))
    forms = _table(language).get(one)
    if forms is None or len(forms) < 2:
        return one if singular else many
    return forms[0 if singular else 1]


def gregorian_month(day: date, language: str) -> str:
    """The Gregorian month's short name, for languages that use that calendar."""
    return format_date(day, "MMM", locale=language)


def _extracted() -> Catalog:
    catalog = Catalog(domain=DOMAIN, project="Equb", charset="utf-8")
    for folder in SOURCES:
        found = extract_from_dir(
            LOCALES.parent / folder,
            method_map=[("**.py", "python")],
            keywords={"N_": None, "NN_": (1, 2)},
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        )
        for _file, _line, message_id, comments, _context in found:
            catalog.add(message_id, auto_comments=comments)
    return catalog


def _faults(language: str) -> Iterator[str]:
    """What is missing or wrong in a language's catalogue, a sentence each."""
    table = _table(language)
    for message in _extracted():
        if not message.id:
            continue
        ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        forms = table.get(ids[0])
        if forms is None:
            yield f"{language}: not translated: {ids[0][:70]!r}"
            continue
        if len(forms) != len(ids):
            yield f"{language}: needs {len(ids)} forms: {ids[0][:70]!r}"
        wanted = set(_PLACEHOLDER.findall(ids[-1]))
        for form in forms:
            said = set(_PLACEHOLDER.findall(form))
            if said - wanted or (wanted - said and len(ids) == 1):
                yield f"{language}: placeholders {sorted(said ^ wanted)} differ: {ids[0][:70]!r}"


@lru_cache(maxsize=1)
def _terms() -> tuple[dict[str, str], ...]:
    """The agreed words (``locales/terms.csv``): an English pattern, and what has to stand for it by language."""
    with (LOCALES / "terms.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _misnamed(language: str) -> Iterator[str]:
    """Sentences in which an agreed word is rendered by another one."""
    for message in _read(language):
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[-1]
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not all(forms):
            continue
        bare = _PLACEHOLDER.sub("", english)
        for term in _terms():
            wanted = term.get(language)
            # A name of a gap is no word of the sentence, unless the term is about the gap.
            said = english if "\\{" in term["english"] else bare
            if wanted and re.search(term["english"], said) and not all(re.search(wanted, str(form)) for form in forms):
                yield f"{language}: no {wanted} for {term['english']}: {english[:70]!r}"


def check() -> list[str]:
    """Everything wrong with the catalogues: missing, extra, malformed or misnamed entries."""
    faults = []
    current = {m.id if isinstance(m.id, str) else m.id[0] for m in _extracted() if m.id}
    for path in sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        language = path.parent.parent.name
        faults += [*_faults(language), *_misnamed(language)]
        faults += [f"{language}: no longer said: {key[:70]!r}" for key in _table(language) if key not in current]
    return faults


def _note(source: str) -> str:
    """For who translates a sentence: where it is said, and what its placeholders hold on an ordinary day."""
    # They are made of catalogues themselves, and only this looks back.
    from core import samples

    return samples.note_of(source) or "On papers and pictures: statements, books, the circle."


def update() -> None:
    """Write newly said sentences into every catalogue with a note each, and drop those no longer said."""
    template = _extracted()
    for message in template:
        if message.id:
            message.auto_comments = [_note(message.id if isinstance(message.id, str) else message.id[0])]
    for path in sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale=path.parent.parent.name, domain=DOMAIN)
        catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        buffer = BytesIO()
        write_po(buffer, catalog, width=110, omit_header=False, sort_by_file=False, no_location=True)
        path.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    if sys.argv[1:] == ["update"]:
        update()
    for fault in (found := check() + lexicon.check()):
        print(fault)
    raise SystemExit(1 if found else 0)
