"""What may stand in a sentence's placeholders: as on an ordinary day, and everything at its largest.

For those who look at sentences before anybody is told them: the tests, the page of costs, translators.
"""

import importlib
import pkgutil
import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

from core import sentences
from core.messages import Kind, Message, Reader, render, show
from core.money import LARGEST_AMOUNT_MINOR, Money
from core.talking import words

PLACEHOLDER = re.compile(r"\{(\w+)\}")

LONG_NAME = {
    "en": "Gebre-Egziabher Wolde-Mariam Haile-Selassie Tekle-Haimanot",
    "am": "ገብረእግዚአብሔር ወልደማርያም ኃይለሥላሴ",
    "om": "Abdulqaadir Abdurahmaan Gammachuu Waaqgaarii Dhinsaa Tolasaa",
    "ti": "ገብረእግዚኣብሄር ወልደማርያም ሃይለስላሰ",
    "so": "Cabdiraxmaan Maxamed Cabdullaahi Xuseen Cabdiqaadir Warsame",
}
LONG_GROUP = {
    "en": "Merkato vegetable and spice traders' Saturday equb number 12",
    "am": "የመርካቶ አትክልትና ቅመም ነጋዴዎች የቅዳሜ እቁብ ቁጥር 12",
    "om": "Iqqubii daldaltoota kuduraa fi urgooftuu Sanbataa lakk. 12",
    "ti": "ዕቁብ ነጋዶ ኣሕምልትን ቀመምን ናይ ቀዳም ቁጽሪ 12",
    "so": "Hagbadda ganacsatada khudaarta iyo xawaashka ee Sabtida 12",
}
GROUP = {"en": "Merkato", "am": "መርካቶ", "om": "Jimma", "ti": "መቐለ", "so": "Jigjiga"}
NAME = {"en": "Sara Tesfaye", "am": "ሳራ ተስፋዬ", "om": "Chaltu Bekele", "ti": "ሳራ ተስፋይ", "so": "Hodan Warsame"}
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
            return LONG_GROUP[language] if long else GROUP[language]
        case "name" | "names" | "payer" | "by" | "giver" | "taker" | "to" | "of" | "others":
            return LONG_NAME[language] if long else NAME[language]
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
    """The sentence with values in it."""
    wanted = {found for form in (kind.text, kind.brief, kind.many) for found in PLACEHOLDER.findall(form or "")}
    values = {name: value_of(kind, name, language, long=long) for name in wanted | ({"count"} if kind.many else set())}
    return Message(kind, values)


def said(kind: Kind, language: str, channel: str, *, long: bool) -> str:
    """The sentence in a language, as a phone or a chat shows it."""
    message = message_of(kind, language, long=long)
    return render(message, Reader(language, channel)).text


@lru_cache(maxsize=1)
def _by_text() -> dict[str, tuple[Kind, str]]:
    """English sentence → its kind, and the subject of the file in which it stands."""
    subjects = {}
    for module in pkgutil.iter_modules(sentences.__path__):
        file = importlib.import_module(f"core.sentences.{module.name}")
        subject = (file.__doc__ or "").partition("\n")[0].rstrip(".").removeprefix("Sentences of ").partition(".")[0]
        for one in vars(file).values():
            listed = one.values() if isinstance(one, dict) else one if isinstance(one, list | tuple) else [one]
            subjects.update({kind.name: subject for kind in listed if isinstance(kind, Kind)})
    found: dict[str, tuple[Kind, str]] = {}
    for kind in sentences.KINDS.values():
        for text in (kind.text, kind.brief):
            if text:
                found.setdefault(text, (kind, subjects.get(kind.name, "words within sentences")))
    return found


def note_of(text: str) -> str | None:
    """What a translator should know of an English sentence: when it is said, where, and what its placeholders hold."""
    if text not in _by_text():
        return None
    kind, subject = _by_text()[text]
    where = "everywhere"
    if kind.brief:
        where = "by SMS" if text == kind.brief else "in a chat, for SMS there is a shorter one"
    reader = Reader("en", "sms")
    gaps = [
        f"{{{name}}}: {show(value_of(kind, name, 'en', long=False), reader)}".replace("\n", " / ")[:70]
        for name in dict.fromkeys(PLACEHOLDER.findall(text))
    ]
    what = f"a refusal ({kind.name.removeprefix('refused.')})" if kind.name.startswith("refused.") else kind.name
    return " · ".join([f"{what}: {subject}; {where}", *gaps])
