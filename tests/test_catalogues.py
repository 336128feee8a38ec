"""The sentences: complete in every language that is offered, and fit to be said on every channel.

Reads the program's own text as a peer of the catalogues: which codes of refusals are raised with which facts,
which sentences are used at all.
"""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

import core.talking.conversation  # noqa: F401 (registers every command)
from core import catalogues, messages, sentences
from core.folding import within_one_edit
from core.ledger import book
from core.messages import SMS, TELEGRAM, Choice, Kind, Message, Reader, pack, render, unpack
from core.money import LARGEST_AMOUNT_MINOR, Money
from core.segments import GSM7, encoding, segments
from core.sentences import KINDS
from core.talking import command, words
from core.talking.commands import anyone

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "am")
PLACEHOLDER = re.compile(r"\{(\w+)\}")

# --- Values: what the longest sentence would hold, and what an ordinary one does -------------------------------

LONG_NAME = {"en": "Gebre-Egziabher Wolde-Mariam Haile-Selassie Tekle-Haimanot", "am": "ገብረእግዚአብሔር ወልደማርያም ኃይለሥላሴ"}
LONG_GROUP = {
    "en": "Merkato vegetable and spice traders' Saturday equb number 12",
    "am": "የመርካቶ አትክልትና ቅመም ነጋዴዎች የቅዳሜ እቁብ ቁጥር 12",
}
LAST_INSTANT = datetime(2099, 12, 31, 20, 59, tzinfo=UTC)
HUGE = Money(LARGEST_AMOUNT_MINOR * 600 - 1, "ETB")

MONEY = {"amount", "pot", "owed", "advance", "paid", "collected", "fee", "paid_in", "paid_out", "whole", "said", "held"}
MONEY |= {"contribution", "left", "received", "out", "hand"}
NUMBERS = {"number", "rounds", "round", "taken", "count", "lot", "drawn", "cycle", "most", "finest", "checks"}
NUMBERS |= {"offered", "fitting_lots", "other", "other_round"}
TEXTS = {
    "code": "K7M2Q4-12",
    "text": "1/2",
    "typed": "what is this I never wrote that to you",
    "phone": "+251911****56",
    "link": "9c7dc6273128",
    "anchor": "4ef004b3b43b",
    "list": "2733efe101d8",
    "record": "2733efe101d8",
    "url": "https://equb.example.org/verify/K7M2Q4-12",
    "who": "2. Sara Tesfaye, 7. Sara",
    "reason": "the note was counted twice",
    "free": "3/10",
    "country": "ET",
    "percent": "66.7",
    "fund": "reserve",
    "thing": "gabi",
    "nth": "2",
    "supplier": "Alemu's shop",
    "numbers": "117, 118",
    "words": "BID, DISPUTE, NEED, SWAP",
    "groups": "Merkato, Bole",
    "ethiopian": "13/3/2019",
    "gregorian": "22/11/2026",
}


# Sentences of how lots are found in a whole cycle, rather than of one that was.
OF_ORDERS = (sentences.ORDER, sentences.ORDER_FROM, sentences.CYCLE_BEGUN_ORDER)


def value_of(kind: Kind, name: str, language: str, *, long: bool) -> Any:
    """What stands for a placeholder: everything at its largest, or as on an ordinary day."""
    if kind is sentences.STATUS and name in ("due", "lots"):
        return sentences.STATUS_LATE(amount=HUGE, due=LAST_INSTANT) if name == "due" else [sentences.STATUS_ALL_PAID()]
    if kind in (sentences.PART_OF_LOT, sentences.INVITE, sentences.INVITE_NO_SMS) and name in ("share", "link"):
        return "99/100" if name == "share" else "https://t.me/equb_bot?start=K7M2Q4"
    if kind in (sentences.DRAW_HELD, sentences.YOUR_LOT, sentences.YOUR_TURN) and name in ("lots", "next"):
        lot = sentences.DRAWN_LOT(lot=117, names=f"{LONG_NAME[language]}, Hana", code="K7M2Q4-12")
        return [lot, lot] if name == "lots" else sentences.NEXT_DUE(round=2, due=LAST_INSTANT)
    if name == "said" and kind is not sentences.KINDS["refused.rules.does_not_add_up"]:
        return "I paid it on Saturday"
    if kind is sentences.MERGE_ASKED and name in ("other", "lots"):
        return LONG_NAME[language] if name == "other" else "117, 118"
    if kind is sentences.CIRCLE_LINK and name == "circle":
        return message_of(sentences.CIRCLE_NONE, language, long=long)
    if name in MONEY:
        return HUGE if long else Money(100_000 if name != "pot" else 1_200_000, "ETB")
    if name in NUMBERS:
        return 600 if long else 3
    messages_of = {
        "about": sentences.ABOUT_PAY,
        "how": sentences.ORDER_NEED if kind in OF_ORDERS else sentences.HOW_ORGANISER,
        "office": sentences.COLLECTOR,
        "rhythm": sentences.EVERY_DAYS,
        "share": sentences.ONE_LOT,
        "state": sentences.REVERSED_WORD,
        "method": sentences.MOBILE_WAY,
        "what": sentences.RULE_NETTING,
        "fine": sentences.FINE_DAILY,
        "per": sentences.FINE_PER_MEMBER,
        "to": sentences.TO_FUND,
        "day": sentences.WEEKDAYS[5],
        "due_kind": sentences.FINE_WORD,
        "first": sentences.STATUS_ALL_PAID,
        "asked": sentences.THANKS,
        "fast": sentences.FASTS["filseta"],
    }
    if name in messages_of:
        values = {"count": 366 if long else 1, "amount": HUGE if long else Money(5_000, "ETB")}
        return messages_of[name](**values)
    match name:
        case "group":
            return LONG_GROUP[language] if long else {"en": "Merkato", "am": "መርካቶ"}[language]
        case "name" | "names" | "payer" | "by" | "giver" | "taker" | "to" | "of" | "others":
            return LONG_NAME[language] if long else {"en": "Sara Tesfaye", "am": "ሳራ ተስፋዬ"}[language]
        case "due" | "draw":
            return LAST_INSTANT if long else datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
        case "at":
            return time(23 if long else 8)
        case "on" | "entered" | "until":
            return date(2099, 9, 10) if long else date(2026, 12, 1)
        case "lines" if kind.name.startswith(("rule", "consent", "accept", "agree_rules", "sure_rule")):
            return [sentences.RULE_NETTING()] * (20 if long else 1)
        case "lines":
            return [sentences.WHO_LINE(number=n, name=LONG_NAME[language], amount=HUGE) for n in range(1, 21)]
        case "lots":
            return 600 if long else 12
        case "beacon":
            return 99_999_999 if long else 33_333_333
        case "word":
            return words.word_for("PAYOUT", language)
    return TEXTS[name]


def message_of(kind: Kind, language: str, *, long: bool) -> Message:
    wanted = {found for form in (kind.text, kind.brief, kind.many) for found in PLACEHOLDER.findall(form or "")}
    values = {name: value_of(kind, name, language, long=long) for name in wanted | ({"count"} if kind.many else set())}
    return Message(kind, values)


def said(kind: Kind, language: str, channel: str, *, long: bool) -> str:
    message = message_of(kind, language, long=long)
    return render(message, Reader(language, channel)).text


EVERY_KIND = sorted(KINDS)


# --- The catalogue ---------------------------------------------------------------------------------------------


def test_the_catalogues_are_complete_and_amharic_is_offered() -> None:
    assert catalogues.check() == []
    assert catalogues.languages() == ("am", "en")


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
    monkeypatch.setattr(catalogues, "_table", lambda language: table)
    assert [fault for fault in catalogues.check() if "placeholders" in fault] == [
        "am: placeholders ['name'] differ: 'Your name here is {name}.'",
        "am: placeholders ['grp'] differ: '{group} is full.'",
    ]


@lru_cache(maxsize=1)
def amharic() -> dict[str, tuple[str, ...]]:
    """Every sentence of the Amharic catalogue as it stands in the file, by its English one."""
    with (catalogues.LOCALES / "am" / "LC_MESSAGES" / "equb.po").open("rb") as file:
        catalogue = read_po(file, locale="am")
    assert not any(entry.fuzzy for entry in catalogue if entry.id)
    found = {}
    for entry in catalogue:
        if entry.id:
            forms = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
            found[entry.id if isinstance(entry.id, str) else entry.id[1]] = tuple(str(form) for form in forms)
    return found


def test_the_catalogue_says_that_nobody_has_confirmed_it_and_counts_as_amharic_counts() -> None:
    with (catalogues.LOCALES / "am" / "LC_MESSAGES" / "equb.po").open("rb") as file:
        catalogue = read_po(file, locale="am")
    assert "NOT YET CONFIRMED" in catalogue.header_comment
    assert (catalogue.num_plurals, catalogue.plural_expr) == (2, "(n > 1)")


def test_no_english_is_left_in_an_amharic_sentence() -> None:
    allowed = {"SMS", "English", "K7M2Q4"}
    left = {
        english: found
        for english, forms in amharic().items()
        for form in forms
        if (found := set(re.findall(r"[A-Za-z]\w*", PLACEHOLDER.sub("", form))) - allowed)
    }
    assert left == {}


def test_nothing_is_called_a_lottery_and_nobody_a_winner() -> None:
    for english, forms in amharic().items():
        for word in ("lottery", "lotto", "winner"):
            assert word not in english.casefold()
        for form in forms:
            for word in ("ሎተሪ", "አሸናፊ", "እጣ", "ሶስት"):
                assert word not in form, english


# English expression → the Amharic word that stands for it everywhere.
TERMS = [
    (r"\bequbs?\b", "እቁ(ብ|ቡ)"),
    (r"\bmembers?\b", "አባ(ል|ላ|ሉ)"),
    (r"\blots?\b", "ዕጣ"),
    (r"\bdrawn?\b", "ዕጣ|ወጥ|ወጣ|ይወጣል|እየወጣ|አልወጣም|ማውጣት"),
    (r"(?<!beacon )\brounds?\b", "ዙ(ር|ሩ|ሮ)"),
    (r"\b(a|A|the) share\b", "ድርሻ"),
    (r"\b[Rr]eceipt\b", "ደረሰኝ"),
    (r"\borganiser\b", "ሰብሳቢ"),
    (r"\bsecretary\b", "ጸሐፊ"),
    (r"\bcollector\b", "እቁብ ሰብሳቢ"),
    (r"\bofficers?\b", "ኃላፊ"),
    (r"\bdue \{due\}", "የመክፈያ ቀን \\{due\\}"),
    (r"\b(is|been) paid\b(?! out)", "ተከፍሏል|አልተከፈለም"),
    (r"\bpaid everything\b", "ተከፍሏል|የከፈለ"),
    (r"\bWaiting for\b", "በመጠባበቅ ላይ"),
    (r"\bconfirm(ed|s)?\b", "ረጋግጧል|ያረጋግጥ|ያረጋግጡ|ያረጋግጠ|ተረጋገጠ|አረጋግጠ|ሲያረጋግጥ"),
    (r"\b(its|Its) code\b", "ኮዱ"),
    (r"\blanguage\b", "ቋንቋ"),
    (r"\bphone number\b", "ስልክ ቁጥር"),
    (r"\bbirr\b", "ብር"),
]


@pytest.mark.parametrize(("english", "wanted"), TERMS, ids=[term for term, _ in TERMS])
def test_a_term_has_one_amharic_word_everywhere(english: str, wanted: str) -> None:
    concerned = {
        said: forms
        for said, forms in amharic().items()
        if re.search(english, said.replace("{lots}", "").replace("{rounds}", ""))
    }
    assert concerned
    assert [said for said, forms in concerned.items() if not all(re.search(wanted, form) for form in forms)] == []


def test_command_words_in_a_sentence_are_those_of_its_language() -> None:
    seen = set()
    for english, forms in amharic().items():
        for word in re.findall(r"\b[A-Z]{3,}\b", PLACEHOLDER.sub("", english)):
            if word in words.commands():
                seen.add(word)
                for form in forms:
                    assert words.word_for(word, "am") in form, (word, english)
                    assert word not in form, (word, english)
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
        if language == "am" and re.search("[A-Za-z]{2}", PLACEHOLDER.sub("", KINDS[name].text)):
            assert re.search("[\u1200-\u137f]", text), (name, text)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_an_english_sms_never_leaves_the_cheap_alphabet(name: str) -> None:
    assert encoding(said(KINDS[name], "en", SMS, long=True)) == GSM7


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


@pytest.mark.parametrize("name", [name for name in EVERY_KIND if name not in LISTS])
def test_an_ordinary_amharic_sms_has_at_most_two_parts(name: str) -> None:
    text = said(KINDS[name], "am", SMS, long=False)
    assert segments(text) <= 2, (segments(text), len(text), text)


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
    page = (ROOT / "docs" / "translating.md").read_text()
    for word in TYPED:
        assert f"| {word} | {words.word_for(word, 'am')} |" in page, word
