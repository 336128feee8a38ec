"""The sentences: complete in every language that is offered, and fit to be said on every channel.

Reads the program's own text as a peer of the catalogues: which codes of refusals are raised with which facts,
which sentences are used at all.
"""

import ast
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

import core.talking.conversation  # noqa: F401 (registers every command)
from core import catalogues, messages, sentences
from core.folding import within_one_edit
from core.ledger import book
from core.messages import SMS, TELEGRAM, Choice, Kind, Reader, pack, render, unpack
from core.money import Money
from core.samples import PLACEHOLDER, message_of, said
from core.segments import GSM7, encoding, segments
from core.sentences import KINDS
from core.talking import command, words
from core.talking.commands import anyone

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("am", "om", "ti", "so", "en")
TRANSLATED = LANGUAGES[:-1]
ETHIOPIC = {"am", "ti"}

EVERY_KIND = sorted(KINDS)


# --- The catalogue ---------------------------------------------------------------------------------------------


def test_the_catalogues_are_complete_and_all_five_languages_are_offered() -> None:
    assert catalogues.check() == []
    assert catalogues.languages() == LANGUAGES


def test_an_update_of_a_complete_catalogue_changes_no_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (catalogues.LOCALES / "am" / "LC_MESSAGES" / "equb.po").read_bytes()
    copy = tmp_path / "locales" / "am" / "LC_MESSAGES" / "equb.po"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(before)
    for folder in catalogues.SOURCES:
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.setattr(catalogues, "LOCALES", tmp_path / "locales")
    catalogues.update()
    assert copy.read_bytes() == before


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_entry_tells_its_translator_where_it_is_said(language: str) -> None:
    with (catalogues.LOCALES / language / "LC_MESSAGES" / "equb.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    for entry in catalogue:
        if entry.id:
            note = " ".join(entry.auto_comments)
            assert note == catalogues._note(entry.id if isinstance(entry.id, str) else entry.id[0])
    assert "{amount}: 1,000 birr" in catalogues._note(sentences.RECEIPT.text)


def test_a_new_sentence_is_asked_for_and_an_old_one_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    po = tmp_path / "locales" / "om" / "LC_MESSAGES" / "equb.po"
    po.parent.mkdir(parents=True)
    header = 'msgid ""\nmsgstr ""\n"Language: om\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
    po.write_text(header + 'msgid "We said this once, {name}."\nmsgstr "{name}"\n')
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "said.py").write_text('A = N_("Hello, {name}.")\nB = NN_("{count} lot", "{count} lots")\n')
    monkeypatch.setattr(catalogues, "LOCALES", tmp_path / "locales")
    monkeypatch.setattr(catalogues, "SOURCES", ("core",))
    for remembered in (catalogues._read, catalogues._table):
        remembered.cache_clear()
    try:
        assert len(catalogues.check()) == 3
        catalogues.update()
        for remembered in (catalogues._read, catalogues._table):
            remembered.cache_clear()
        assert sorted(catalogues.check()) == [
            "om: not translated: 'Hello, {name}.'",
            "om: not translated: '{count} lot'",
        ]
        assert "once" not in po.read_text()
    finally:
        for remembered in (catalogues._read, catalogues._table):
            remembered.cache_clear()


def test_a_translation_that_loses_a_placeholder_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dict(catalogues._table("am"))
    table["Your name here is {name}."] = ("ስምዎ ይህ ነው።",)
    table["{group} is full."] = ("{group} {grp}",)
    real = catalogues._table
    monkeypatch.setattr(catalogues, "_table", lambda language: table if language == "am" else real(language))
    assert [fault for fault in catalogues.check() if "placeholders" in fault] == [
        "am: placeholders ['name'] differ: 'Your name here is {name}.'",
        "am: placeholders ['grp'] differ: '{group} is full.'",
    ]


@lru_cache(maxsize=8)
def sentences_in(language: str) -> dict[str, tuple[str, ...]]:
    """Every sentence of a catalogue as it stands in the file, by its English one."""
    with (catalogues.LOCALES / language / "LC_MESSAGES" / "equb.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert not any(entry.fuzzy for entry in catalogue if entry.id)
    found = {}
    for entry in catalogue:
        if entry.id:
            forms = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
            found[entry.id if isinstance(entry.id, str) else entry.id[1]] = tuple(str(form) for form in forms)
    return found


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_says_that_nobody_has_confirmed_it_and_counts_as_its_language_counts(language: str) -> None:
    with (catalogues.LOCALES / language / "LC_MESSAGES" / "equb.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert "NOT YET CONFIRMED" in catalogue.header_comment
    # None and one are one in Amharic and Tigrinya; elsewhere only one is.
    plural = "(n > 1)" if language in ETHIOPIC else "(n != 1)"
    assert (catalogue.num_plurals, catalogue.plural_expr) == (2, plural)
    one, many = "{count} lot", "{count} lots"
    forms = sentences_in(language)[many]
    for count in range(4):
        wanted = forms[0 if count in ((0, 1) if language in ETHIOPIC else (1,)) else 1]
        assert catalogues.translate_plural(language, one, many, count) == wanted


@pytest.mark.parametrize("language", sorted(ETHIOPIC))
def test_no_english_is_left_in_a_sentence_of_ethiopic_letters(language: str) -> None:
    allowed = {"SMS", "English", "K7M2Q4", "CSV"}
    # The names of a paper book's sheets and columns, and of what a spreadsheet has, stand beside their translations.
    allowed |= {"people", "book", "fund", "cell", "formula", "E", "C", "G", "EC", "GC"}
    left = {
        english: found
        for english, forms in sentences_in(language).items()
        for form in forms
        if (found := set(re.findall(r"[A-Za-z]\w*", PLACEHOLDER.sub("", form))) - allowed)
    }
    assert left == {}


@pytest.mark.parametrize("language", ["om", "so"])
def test_no_sentence_is_the_english_one(language: str) -> None:
    same = {
        english
        for english, forms in sentences_in(language).items()
        if english in forms and len(re.findall(r"[A-Za-z]{3,}", PLACEHOLDER.sub("", english))) > 1
    }
    assert same == set()


GAMBLING = {
    "am": ("ሎተሪ", "አሸናፊ", "እጣ", "ሶስት"),
    "om": ("lootirii", "lottery", "mo'ataa", "carraa"),
    "ti": ("ሎተሪ", "ሎተርያ", "ተዓዋቲ", "ሶስት"),
    "so": ("bakhtiyaa", "lottery", "lotari", "guuleyst"),
}


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_called_a_lottery_and_nobody_a_winner(language: str) -> None:
    for english, forms in sentences_in(language).items():
        for word in ("lottery", "lotto", "winner"):
            assert word not in english.casefold()
        for form in forms:
            for word in GAMBLING[language]:
                assert word not in form.casefold(), english


def test_an_agreed_word_that_is_rendered_by_another_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [fault for language in TRANSLATED for fault in catalogues._misnamed(language)] == []
    real = catalogues._read

    def read(language: str) -> Any:
        catalogue = real(language)
        entry = catalogue.get("Which equb?")
        assert entry is not None
        entry.string = "ማኅበር?"
        return catalogue

    monkeypatch.setattr(catalogues, "_read", read)
    try:
        assert any("Which equb?" in fault for fault in catalogues._misnamed("am"))
    finally:
        real.cache_clear()


@pytest.mark.parametrize("language", TRANSLATED)
def test_command_words_in_a_sentence_are_those_of_its_language(language: str) -> None:
    seen = set()
    for english, forms in sentences_in(language).items():
        # A PIN is a thing too.
        for word in re.findall(r"\b[A-Z]{3,}\b", PLACEHOLDER.sub("", english.replace("Your PIN", ""))):
            own = words.word_for(word, language) if word in words.commands() else word
            if own != word:
                seen.add(word)
                for form in forms:
                    assert own in form, (own, word, english)
                    assert not re.search(rf"\b{word}\b", form), (word, english)
    assert len(seen) > 15


def test_from_now_on_i_write_amharic_says_the_amharic_sentence() -> None:
    text = said(sentences.LANGUAGE_SET, "am", SMS, long=False)
    assert "አማርኛ" in text
    assert "English" in said(sentences.LANGUAGE_SET, "en", SMS, long=False)


# --- Every sentence on every channel ---------------------------------------------------------------------------


@pytest.mark.parametrize("long", [False, True], ids=["ordinary", "extreme"])
@pytest.mark.parametrize("channel", [TELEGRAM, SMS])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_can_be_said(language: str, channel: str, long: bool) -> None:
    for name in EVERY_KIND:
        text = said(KINDS[name], language, channel, long=long)
        assert text.strip(), name
        assert not re.search(r"[{}]", text), (name, text)
        # Lists are cut into several messages at the ends of lines.
        assert name in LISTS or len(text) <= 900, (name, len(text))
        if language in ETHIOPIC and re.search("[A-Za-z]{2}", PLACEHOLDER.sub("", KINDS[name].text)):
            assert re.search("[\u1200-\u137f]", text), (name, text)


@pytest.mark.parametrize("language", ["en", "om", "so"])
def test_an_sms_in_latin_letters_never_leaves_the_cheap_alphabet(language: str) -> None:
    dear = [name for name in EVERY_KIND if encoding(said(KINDS[name], language, SMS, long=True)) != GSM7]
    assert dear == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_packed_sentence_is_said_again_to_the_letter(language: str) -> None:
    for name in EVERY_KIND:
        message = message_of(KINDS[name], language, long=True).offering(
            Choice(sentences.YES(), "yes"), Choice("1", "x")
        )
        again = unpack(pack(message), KINDS)
        for channel in (TELEGRAM, SMS):
            assert render(again, Reader(language, channel)) == render(message, Reader(language, channel)), name


# As long as what they list.
LISTS = {"draw_held", "history", "holds", "members", "who", "who_deferred", "who_holds"}
LISTS |= {"accept_rules", "agree_rules", "consent_join_rules", "rules_changed", "rules_chosen", "sure_rule"}
LISTS |= {"order", "order_held", "please_decide"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_ordinary_sms_has_at_most_two_parts(language: str) -> None:
    long = {
        name: text
        for name in EVERY_KIND
        if name not in LISTS and segments(text := said(KINDS[name], language, SMS, long=False)) > 2
    }
    assert long == {}


# --- Refusals --------------------------------------------------------------------------------------------------

RAISED = {"Refusal", "NotFound", "NotAllowed"}

# Beginnings of codes that no conversation can meet, and why.
NEVER_SAID = {
    "admin.": "administrators are kept through the API and the operator's commands",
    "tenant.": "so are tenants; a webhook of nobody's is refused before anybody is spoken to",
    "gateway.": "a webhook of nobody's, likewise",
    "rights.role": "administrators, through the API",
    "rights.first_tenant": "administrators, through the API",
    "paper.no_such_table": "tables are asked for through the API",
    "lot.": "lots are put together by hand through the API",
    "share.of_one_lot": "lots are put together by hand through the API",
    "message.": "messages are sent again through the API",
    "import.": "administrators, through the API, and the operator's command",
    "person.unknown": "looked up by an id that the program wrote",
    "draw.not_frozen": "the agenda freezes before it draws",
    "draw.list_": "a proof that somebody gave to the operator's command",
    "proof.": "a proof that somebody gave to the operator's command",
    "ledger.reference_reused": "references are made of ids",
    "ledger.already_reversed": "payments and payouts refuse it before the ledger has to",
    "ledger.cannot_reverse": "what is reversed was read from the ledger",
}


def raised() -> Iterator[tuple[str, str, set[str] | None]]:
    """(where, code, names of the facts or None when they are not literal) of every refusal in core."""
    for path in sorted((ROOT / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED):
                continue
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            codes = [
                n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant) and isinstance(n.value, str)
            ]
            assert codes, f"{where}: the code is not written where it is raised"
            literal = all(keyword.arg for keyword in node.keywords)
            for code in codes:
                yield where, code, {str(keyword.arg) for keyword in node.keywords} if literal else None


def test_every_refusal_that_a_person_can_meet_has_its_sentence() -> None:
    codes = {code for _, code, _ in raised()} | {code for _, code, _ in book._REFUSALS.values()}
    unsaid = {code for code in codes if f"refused.{code}" not in KINDS}
    assert {code for code in unsaid if not code.startswith(tuple(NEVER_SAID))} == set()
    assert {start for start in NEVER_SAID if not any(code.startswith(start) for code in unsaid)} == set()


def test_a_refusals_sentence_holds_only_facts_that_are_given() -> None:
    lacking = []
    for where, code, facts in raised():
        kind = KINDS.get(f"refused.{code}")
        if kind is not None and facts is not None and (lost := set(PLACEHOLDER.findall(kind.text)) - facts):
            lacking.append((where, code, sorted(lost)))
    assert lacking == []


def test_every_sentence_of_a_refusal_is_said_somewhere() -> None:
    codes = {code for _, code, _ in raised()} | {code for _, code, _ in book._REFUSALS.values()}
    of_sentences = {name.removeprefix("refused.") for name in KINDS if name.startswith("refused.")}
    assert of_sentences - codes == {"rules.does_not_add_up.never"}


def test_an_unknown_code_gets_a_plain_answer_and_never_an_error() -> None:
    message = sentences.refusal("something.nobody.wrote", {"x": 1})
    assert render(message, Reader("am", SMS)).text == "ይህ አይቻልም።"


def test_a_pot_that_no_number_of_lots_makes_is_refused_without_an_offer() -> None:
    pot, lot = Money(500_000, "ETB"), Money(30_000, "ETB")
    facts = {"lots": 10, "contribution": lot, "pot": Money(300_000, "ETB"), "said": pot, "fitting_lots": 16}
    never = render(sentences.refusal("rules.does_not_add_up", facts | {"fits": False}), Reader("en", SMS)).text
    offered = render(sentences.refusal("rules.does_not_add_up", facts | {"fits": True}), Reader("en", SMS)).text
    assert "16" not in never
    assert "16 lots" in offered


# --- Commands and words ----------------------------------------------------------------------------------------

ANSWERS = {"YES", "NO", "THANKS"}
TYPED = {word for word in command.COMMANDS if not word.startswith("_")}


def test_every_typed_command_has_words_in_each_language_and_says_what_it_does() -> None:
    assert set(words.commands()) == TYPED
    for word in TYPED:
        for language in LANGUAGES:
            assert words.word_for(word, language), (word, language)
        assert (command.COMMANDS[word].about is None) == (word in ANSWERS), word
    assert not any(known.about for word, known in command.COMMANDS.items() if word.startswith("_"))


def test_no_word_belongs_to_two_commands_and_no_slip_turns_one_into_another() -> None:
    known = words.table()
    assert len(known) > 50
    long_words = [word for word in known if len(word) >= words.FORGIVEN_FROM]
    near = [
        (one, other)
        for one in long_words
        for other in long_words
        if known[one][0] != known[other][0] and within_one_edit(one, other)
    ]
    assert near == []


def test_no_command_is_a_word_that_the_sms_provider_keeps_for_itself() -> None:
    for word in ("UNSUBSCRIBE", "END", "QUIT", "CANCEL", "STOPALL", "REVOKE", "OPTOUT"):
        assert words.command_of(word) is None, word


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", [TELEGRAM, SMS])
def test_help_shows_all_words_as_every_answer_promises(language: str, channel: str) -> None:
    shown = said(sentences.HELP, language, channel, long=False) + said(
        sentences.HELP_OFFICER, language, channel, long=False
    )
    hidden = {word for word in TYPED - ANSWERS if words.word_for(word, language) not in shown}
    # START is told where it is needed: with STOP. What the first page has not stands on the second.
    assert hidden & anyone.FIRST_PAGE <= {"START", "HELP"}
    pages = [render(page, Reader(language, channel)).text for page in anyone._second_page(language, officer=True)]
    further = {word for word in hidden - anyone.FIRST_PAGE if words.word_for(word, language) not in "".join(pages)}
    assert further == set()
    assert words.word_for("START", language) in said(sentences.STOPPED, language, channel, long=False)


# --- Nothing is written for nobody -----------------------------------------------------------------------------


def test_every_sentence_is_said_somewhere() -> None:
    used = set()
    for folder in ("core", "bot"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    used.add(node.attr)
                elif isinstance(node, ast.Name) and path.parent.name == "sentences" and isinstance(node.ctx, ast.Load):
                    used.add(node.id)
    constants = {name for name, kind in vars(sentences).items() if isinstance(kind, Kind) and name.isupper()}
    assert constants - used == set()
    assert len(constants) > 100


def test_dates_money_and_parts_of_the_day_are_sentences_too() -> None:
    assert {messages.BIRR.name, "month-13", "night"} <= set(KINDS)


def test_the_translators_page_names_every_word_that_people_type() -> None:
    path = ROOT / "docs" / "translating.md"
    page = path.read_text()
    rows = [
        f"| {word} | " + " | ".join(words.word_for(word, one) for one in TRANSLATED) + " |" for word in sorted(TYPED)
    ]
    if os.environ.get("TRANSLATING") == "write":
        table = "\n".join(["| English | Amharic | Afaan Oromoo | Tigrinya | Somali |", "|---|---|---|---|---|", *rows])
        page = re.sub(r"(?<=### Words people type\n\n).*?(?=\n\n)", lambda _: table, page, count=1, flags=re.DOTALL)
        path.write_text(page)
    for word in TYPED:
        assert f"| {word} | " + " | ".join(words.word_for(word, one) for one in TRANSLATED) + " |" in page, word
