"""How values are said and how what people type is read: dates, hours, money, numbers, shares, rhythms.

The calendar and the numerals are compared with ICU, which nobody here wrote. What is read of an amount is read
one way or not at all.
"""

import itertools
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icu4py.locale import Locale
from icu4py.messageformat import MessageFormat

from core import sentences as say
from core.calendar import from_ethiopian, to_ethiopian, to_ethiopian_hour
from core.errors import Refusal
from core.messages import SMS, TELEGRAM, Choice, Reader, render, sentence, show
from core.money import LARGEST_AMOUNT_MINOR, MINOR_DIGITS, Money, parse_decimal, split
from core.rules import Rhythm
from core.talking import understanding, words
from core.talking.commands.joining import share_words
from core.talking.describing import rhythm_words
from core.talking.understanding import ethiopic_number, fold, within_one_edit

AM, EN = Reader("am", TELEGRAM), Reader("en", TELEGRAM)

# --- Dates and hours -------------------------------------------------------------------------------------------


def test_an_amharic_date_is_ethiopian_first_with_the_gregorian_in_digits() -> None:
    assert show(date(2026, 11, 22), AM) == "13 ኅዳር 2019 (22/11/2026)"
    assert show(date(2026, 9, 11), AM) == "1 መስከረም 2019 (11/09/2026)"
    assert show(date(2027, 9, 11), AM) == "6 ጳጉሜ 2019 (11/09/2027)"


def test_an_english_date_is_gregorian() -> None:
    assert show(date(2026, 11, 22), EN) == "22 Nov 2026"
    assert show(date(2027, 9, 11), EN) == "11 Sep 2027"


def test_every_ethiopian_month_is_called_by_its_name() -> None:
    names = [show(from_ethiopian(2019, month, 1), AM).split()[1] for month in range(1, 14)]
    assert names == ["መስከረም", "ጥቅምት", "ኅዳር", "ታኅሣሥ", "ጥር", "የካቲት", "መጋቢት", "ሚያዝያ", "ግንቦት", "ሰኔ", "ሐምሌ", "ነሐሴ", "ጳጉሜ"]


@pytest.mark.parametrize(
    ("at", "am", "en"),
    [
        ("09:30", "ጠዋት 3:30", "09:30"),
        ("06:00", "ጠዋት 12:00", "06:00"),
        ("11:59", "ጠዋት 5:59", "11:59"),
        ("12:00", "ከሰዓት 6:00", "12:00"),
        ("18:05", "ማታ 12:05", "18:05"),
        ("23:59", "ማታ 5:59", "23:59"),
        ("00:00", "ሌሊት 6:00", "00:00"),
        ("05:59", "ሌሊት 11:59", "05:59"),
    ],
)
def test_an_hour_is_said_on_the_readers_own_clock(at: str, am: str, en: str) -> None:
    instant = datetime.fromisoformat(f"2026-11-22T{at}+03:00")
    assert show(instant, AM) == f"13 ኅዳር 2019 (22/11/2026) {am}"
    assert show(instant, EN) == f"22 Nov 2026 {en}"


def test_an_instant_is_said_in_the_readers_time_zone_and_on_its_day() -> None:
    instant = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    assert show(instant, AM) == "14 ኅዳር 2019 (23/11/2026) ሌሊት 6:30"
    assert show(instant, Reader("en", SMS, "America/New_York")) == "22 Nov 2026 16:30"


@given(st.times())
def test_the_ethiopian_clock_runs_six_hours_behind_and_twice_a_day(at: time) -> None:
    part, hour, minute = to_ethiopian_hour(at)
    assert 1 <= hour <= 12
    assert minute == at.minute
    starts = {"night": 0, "morning": 6, "afternoon": 12, "evening": 18}
    assert starts[part] <= at.hour < starts[part] + 6
    assert (hour + 6) % 12 == at.hour % 12


# --- The calendar, against ICU ---------------------------------------------------------------------------------


def test_two_hundred_years_of_days_agree_with_icu_in_both_directions() -> None:
    icu = MessageFormat("{at, date, y-M-d}", Locale("am_ET@calendar=ethiopic"))
    day, last, days = date(1901, 1, 1), date(2100, 12, 31), 0
    while day <= last:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        theirs = tuple(int(part) for part in icu.format({"at": noon}).split("-"))
        assert to_ethiopian(day) == theirs
        assert from_ethiopian(*theirs) == day
        day, days = day + timedelta(days=1), days + 1
    assert days == 73_049


@pytest.mark.parametrize(
    "no_day", [(2018, 13, 6), (2019, 13, 7), (2019, 14, 1), (2019, 0, 1), (2019, 1, 31), (2019, 1, 0), (0, 1, 1)]
)
def test_a_day_that_is_in_no_calendar_is_refused(no_day: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no such Ethiopian date"):
        from_ethiopian(*no_day)


# --- Money, said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("money", "am", "en"),
    [
        (Money(100_000, "ETB"), "1,000 ብር", "1,000 birr"),
        (Money(100_050, "ETB"), "1,000.50 ብር", "1,000.50 birr"),
        (Money(5, "ETB"), "0.05 ብር", "0.05 birr"),
        (Money(0, "ETB"), "0 ብር", "0 birr"),
        (Money(-150_000, "ETB"), "-1,500 ብር", "-1,500 birr"),
        (Money(10_000, "USD"), "100 USD", "100 USD"),
        (Money(1_234, "DJF"), "1,234 DJF", "1,234 DJF"),
        (Money(LARGEST_AMOUNT_MINOR * 600, "ETB"), "600,000,000,000 ብር", "600,000,000,000 birr"),
    ],
)
def test_money_is_said_the_same_way_everywhere(money: Money, am: str, en: str) -> None:
    assert show(money, AM) == am
    assert show(money, EN) == en


def test_money_of_two_currencies_does_not_mix() -> None:
    assert Money(150, "ETB") + Money(50, "ETB") - Money(20, "ETB") == Money(180, "ETB")
    with pytest.raises(ValueError, match="do not mix"):
        Money(1, "ETB") + Money(1, "USD")


# --- One and many, choices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "am", "en"), [(0, "0 ዕጣ", "0 lots"), (1, "1 ዕጣ", "1 lot"), (2, "2 ዕጣዎች", "2 lots")])
def test_nothing_and_one_are_singular_in_amharic(count: int, am: str, en: str) -> None:
    assert sentence(say.ONE_LOT(count=count), AM) == am
    assert sentence(say.ONE_LOT(count=count), EN) == en


def test_a_share_is_said_in_lots_and_parts_of_a_lot() -> None:
    said = [sentence(share_words(Fraction(share)), AM) for share in ("0", "1", "2", "1/2", "3/2")]
    assert said == ["ያለ ዕጣ", "1 ዕጣ", "2 ዕጣዎች", "1/2 ዕጣ", "3/2 ዕጣ"]


def test_choices_are_buttons_in_a_chat_and_numbered_lines_in_an_sms() -> None:
    question = say.ASK_RHYTHM().offering(Choice(say.WEEKLY(), "weekly"), Choice("ሌላ", "other"))
    chat, sms = render(question, AM), render(question, Reader("am", SMS))
    assert (chat.text, chat.labels) == ("በየስንት ጊዜው?", ("በየሳምንቱ", "ሌላ"))
    assert (sms.text, sms.labels) == ("በየስንት ጊዜው?\n1 በየሳምንቱ\n2 ሌላ", ())


def test_a_brief_sentence_is_for_sms_and_a_list_has_a_line_each() -> None:
    members = say.MEMBERS(
        group="{x}", count=2, lines=[say.MEMBER_LINE(number=n, name="{name}", share=say.NO_LOT()) for n in (1, 2)]
    )
    # What people typed is never a placeholder.
    assert render(members, AM).text == "{x}፣ 2 አባላት፦\n1. {name}፦ ያለ ዕጣ\n2. {name}፦ ያለ ዕጣ"
    assert len(render(say.HELP(), Reader("am", SMS)).text) < len(render(say.HELP(), AM).text)


# --- Numerals --------------------------------------------------------------------------------------------------

_ICU_NUMERALS = MessageFormat("{n, number}", Locale("am-u-nu-ethi"))


@given(st.one_of(st.integers(1, 99_999), st.integers(1, 999_999_999)))
def test_an_ethiopic_numeral_as_icu_writes_it_is_read_back(number: int) -> None:
    assert ethiopic_number(_ICU_NUMERALS.format({"n": number})) == number


@pytest.mark.parametrize(
    ("written", "number"), [("፲፭፻", 1500), ("፩፻", 100), ("፻", 100), ("፩፼", 10_000), ("፻፼", 1_000_000)]
)
def test_a_one_before_the_hundred_may_be_written_or_not(written: str, number: int) -> None:
    assert ethiopic_number(written) == number


@pytest.mark.parametrize("written", ["", "፭፲", "፩፩", "፲፲", "፭፻፻", "፻፻", "፩0", "15፻", "፲ ፭", "፩" * 30, "፼" * 30])
def test_what_is_no_ethiopic_numeral_is_not_guessed(written: str) -> None:
    assert ethiopic_number(written) is None


# --- Amounts, read ---------------------------------------------------------------------------------------------

AMOUNTS = st.integers(1, LARGEST_AMOUNT_MINOR).map(lambda minor: Money(minor, "ETB"))


@given(AMOUNTS, st.sampled_from(["", "birr", "Birr", "ብር", "ETB", "br"]), st.booleans())
def test_every_habit_of_writing_an_amount_is_the_same_amount(money: Money, currency: str, before: bool) -> None:
    plain = money.decimal.removesuffix(".00")
    # Nine digits in a row that begin so are somebody's phone number, and nobody pays that.
    habits = [] if re.fullmatch(r"[79]\d{8}", plain) else [plain]
    for digits in (money.decimal, money.spoken, *habits):
        glued = currency + digits if before else digits + currency
        apart = [currency, digits] if before else [digits, currency]
        assert understanding.amount([glued], "ETB") == (money, [])
        assert understanding.amount([word for word in apart if word], "ETB") == (money, [])
        assert understanding.amount(["Sara", glued, "x"], "ETB") == (money, ["Sara", "x"])


@given(st.integers(1, 999_999_999))
def test_an_amount_in_ethiopic_numerals_is_the_same_amount(birr: int) -> None:
    numerals = _ICU_NUMERALS.format({"n": birr})
    assert understanding.amount([numerals, "ብር።"], "ETB") == (Money(birr * 100, "ETB"), [])


@given(st.text("0123456789.,-+eE፩፭፲፻፼ብርbir$ ½_", min_size=1, max_size=12))
def test_an_amount_is_read_to_the_letter_or_not_at_all(typed: str) -> None:
    try:
        found = understanding.amount(typed.split() or [typed], "ETB")
    except Refusal as refusal:
        assert refusal.code.startswith("amount.")
        return
    if found is None:
        return
    read = found[0]
    readings = set()
    for word in typed.split():
        # A sentence may end behind the amount; nothing else is overlooked.
        bare = re.sub("^(birr|ብር|br)|(birr|ብር|br)$", "", word.rstrip(".,"))
        if re.fullmatch(r"(?=.*[0-9])[0-9,]*(\.[0-9]*)?", bare):
            readings.add(Decimal(bare.replace(",", "")))
        elif (number := ethiopic_number(bare)) is not None:
            readings.add(Decimal(number))
    assert Decimal(read.decimal) in readings


@pytest.mark.parametrize(
    "typed",
    [
        "l500",
        "15OO",
        "1,50",
        "1.500,00",
        "0911223344",
        "0,500",
        "1e3",
        "+5",
        "½",
        "1500/=",
        "100usd",
        "$100",
        "100ዶላር",
        "1_000",
        "٥٠٠",
        "፭፲",
        "-",
        "birr",
        "",
        "ብር",
    ],
)
def test_no_slip_is_forgiven_in_an_amount(typed: str) -> None:
    assert understanding.amount([typed], "ETB") is None


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("0", "amount.not_positive"),
        ("-5", "amount.not_positive"),
        ("-1,000", "amount.not_positive"),
        ("1500.555", "amount.too_fine"),
        ("1.500", "amount.too_fine"),
        ("1000000000.01", "amount.too_large"),
        ("9" * 5000, "amount.too_large"),
    ],
)
def test_an_amount_that_cannot_be_is_refused_with_its_reason(typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        understanding.amount([typed], "ETB")
    assert refused.value.code == code


def test_the_money_of_another_country_is_never_taken_for_ours() -> None:
    assert understanding.amount(["100", "usd"], "ETB") == (Money(10_000, "ETB"), ["usd"])  # left over: refused
    assert understanding.amount(["100usd"], "USD") == (Money(10_000, "USD"), [])
    assert understanding.amount(["$100"], "USD") == (Money(10_000, "USD"), [])
    assert understanding.amount(["100", "KES"], "KES") == (Money(10_000, "KES"), [])
    assert understanding.amount(["100birr"], "KES") is None


# --- Amounts of the API ----------------------------------------------------------------------------------------


@given(st.integers(1, 10**9), st.sampled_from(sorted(MINOR_DIGITS)))
def test_an_amount_survives_being_written_and_read(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert parse_decimal(money.decimal, currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        *(
            (bad, "ETB", "amount.not_understood")
            for bad in ("", " ", "1,000", " 5", "5 ", "5.", ".5", "+5", "1e5", "1_0")
        ),
        *(
            (bad, "ETB", "amount.not_understood")
            for bad in ("NaN", "sNaN", "Infinity", "-Infinity", "0x10", "１５", "٥")
        ),
        *((bad, "ETB", "amount.not_understood") for bad in ("1e999999999", "1e-999999999", "1\n", "1.0.0", "--1")),
        *((bad, "ETB", "amount.not_positive") for bad in ("0", "0.00", "-0", "-5", "-0.001", "000.000")),
        ("0.001", "ETB", "amount.too_fine"),
        ("1000." + "0" * 40 + "1", "ETB", "amount.too_fine"),
        ("1.5", "DJF", "amount.too_fine"),
        ("1000000000.01", "ETB", "amount.too_large"),
        ("1000000000.001", "ETB", "amount.too_large"),
        ("1" + "0" * 5000, "ETB", "amount.too_large"),
    ],
)
def test_a_bad_amount_is_refused_with_its_reason(text: str, currency: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_decimal(text, currency)
    assert refused.value.code == code


def test_the_largest_amount_and_needless_zeros_are_fine() -> None:
    assert parse_decimal("1000000000.00", "ETB") == Money(LARGEST_AMOUNT_MINOR, "ETB")
    assert parse_decimal("007.500", "ETB") == Money(750, "ETB")
    assert parse_decimal("12.0", "DJF") == Money(12, "DJF")


# --- Splitting -------------------------------------------------------------------------------------------------

SHARES = st.lists(st.integers(1, 1000), min_size=1, max_size=50).map(
    lambda weights: [Fraction(weight, sum(weights)) for weight in weights]
)


@given(st.integers(0, 10**14), SHARES)
def test_a_split_adds_up_and_is_fair_to_one_minor_unit(total_minor: int, shares: list[Fraction]) -> None:
    parts = split(total_minor, shares)
    assert sum(parts) == total_minor
    assert all(abs(part - total_minor * share) < 1 for part, share in zip(parts, shares, strict=True))
    assert parts == split(total_minor, shares)


@given(st.integers(0, 10**14), SHARES)
def test_a_larger_share_never_gets_less_and_equal_ones_differ_by_one_at_most(
    total_minor: int, shares: list[Fraction]
) -> None:
    by_share = sorted(zip(shares, split(total_minor, shares), strict=True))
    for (share, part), (larger, more) in itertools.pairwise(by_share):
        assert part <= more
        assert share < larger or more - part <= 1


@given(st.integers(0, 10**14), SHARES, st.randoms(use_true_random=False))
def test_the_order_of_the_shares_decides_ties_and_nothing_else(
    total_minor: int, shares: list[Fraction], random: object
) -> None:
    order = list(range(len(shares)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight, mixed = split(total_minor, shares), split(total_minor, [shares[i] for i in order])
    remainders = [total_minor * share % 1 for share in shares]
    for place, i in enumerate(order):
        assert straight[i] == mixed[place] or remainders.count(remainders[i]) > 1


@pytest.mark.parametrize(
    ("total_minor", "shares", "parts"),
    [
        (12_000_000, ["3/10", "7/10"], [3_600_000, 8_400_000]),
        (12_000_000, ["1/5"] * 5, [2_400_000] * 5),
        (10_000, ["1/3"] * 3, [3334, 3333, 3333]),
        (1, ["1/2", "1/2"], [1, 0]),
        (0, ["1/4"] * 4, [0] * 4),
        (5, ["1"], [5]),
    ],
)
def test_known_splits_come_out_right(total_minor: int, shares: list[str], parts: list[int]) -> None:
    assert split(total_minor, [Fraction(share) for share in shares]) == parts


@pytest.mark.parametrize(
    ("total_minor", "shares"),
    [(10, ["1/2"]), (10, []), (10, ["1/2", "1/2", "1/2"]), (10, ["3/2", "-1/2"]), (-1, ["1"])],
)
def test_shares_that_are_not_the_whole_are_not_split(total_minor: int, shares: list[str]) -> None:
    with pytest.raises(ValueError, match="add up"):
        split(total_minor, [Fraction(share) for share in shares])


# --- Shares, read ----------------------------------------------------------------------------------------------


@given(st.integers(1, 100).flatmap(lambda bottom: st.tuples(st.integers(0, min(999, bottom * 100)), st.just(bottom))))
def test_a_share_as_it_is_said_is_read_back(parts: tuple[int, int]) -> None:
    share = Fraction(*parts)
    assert understanding.share(f"{parts[0]}/{parts[1]}") == share
    assert understanding.share(f" {parts[0]} / {parts[1]} ") == share
    assert understanding.share(str(share)) == share


@pytest.mark.parametrize(
    ("typed", "share"),
    [
        ("1", "1"),
        ("፪", "2"),
        ("1.5", "3/2"),
        ("0.25", "1/4"),
        ("half", "1/2"),
        ("HALF", "1/2"),
        ("ግማሽ", "1/2"),
        ("ግማሽ።", "1/2"),
        ("ሩብ", "1/4"),
        ("½", "1/2"),
        ("¾", "3/4"),
        ("1½", "3/2"),
        ("1 1/2", "3/2"),
        ("⅓", "1/3"),
        ("0", "0"),
    ],
)
def test_a_share_is_read_as_people_write_it(typed: str, share: str) -> None:
    assert understanding.share(typed) == Fraction(share)


@pytest.mark.parametrize(
    "typed", ["", "1/0", "-1", "1,5", "x", "1/2/3", "1e1", "½½", "halff", "ግማሸ", "1.333", "1/ ", "፭፲"]
)
def test_what_is_no_share_is_not_guessed(typed: str) -> None:
    assert understanding.share(typed) is None


@pytest.mark.parametrize(
    ("typed", "code"), [("101", "share.out_of_range"), ("1/101", "share.too_fine"), ("፪፻", "share.out_of_range")]
)
def test_a_share_that_nobody_can_hold_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        understanding.share(typed)
    assert refused.value.code == code


# --- Rhythms, read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kind", "every"),
    [
        ("weekly", "weekly", 1),
        ("Every Month", "monthly", 1),
        ("day", "daily", 1),
        ("በየሳምንቱ", "weekly", 1),
        ("በየሣምንቱ።", "weekly", 1),
        ("ወርሐዊ", "monthly", 1),
        ("ዕለታዊ", "daily", 1),
        ("በየቀኑ", "daily", 1),
        ("every 5 days", "days", 5),
        ("every ፭ days", "days", 5),
        ("በየ5 ቀኑ", "days", 5),
        ("በየ ፭ ቀን", "days", 5),
        ("በየ፲፭ቀኑ", "days", 15),
        ("every 366 days", "days", 366),
    ],
)
def test_a_rhythm_is_read_in_both_languages(typed: str, kind: str, every: int) -> None:
    wanted = Rhythm.model_validate({"kind": kind, "every": every})
    assert understanding.rhythm(typed.split()) == (wanted, [])
    assert understanding.rhythm(["x", *typed.split(), "y"]) == (wanted, ["x", "y"])


@pytest.mark.parametrize(
    "typed", ["", "wekly", "every 0 days", "every 367 days", "በየ0 ቀኑ", "በየ፭፲ ቀኑ", "every days", "5 days"]
)
def test_what_is_no_rhythm_is_not_guessed(typed: str) -> None:
    assert understanding.rhythm(typed.split()) is None


@pytest.mark.parametrize("language", ["en", "am"])
@given(kind=st.sampled_from(["daily", "weekly", "monthly", "days"]), every=st.integers(2, 366))
def test_a_rhythm_as_it_is_said_is_read_back(language: str, kind: str, every: int) -> None:
    rhythm = Rhythm.model_validate({"kind": kind, "every": every if kind == "days" else 1})
    said = sentence(rhythm_words(rhythm), Reader(language, SMS))
    assert understanding.rhythm(said.split()) == (rhythm, [])


# --- Folding and slips -----------------------------------------------------------------------------------------

WRITING = st.text(
    st.one_of(st.characters(min_codepoint=0x1200, max_codepoint=0x137F), st.sampled_from("abcdefgXYZ 0123456789.,!/")),
    max_size=20,
)


@given(WRITING)
def test_folding_twice_changes_nothing_more(typed: str) -> None:
    assert fold(fold(typed)) == fold(typed)


@pytest.mark.parametrize("family", ["ሀሐኀኸ", "ሁሑኁኹ", "ሰሠ", "ሲሢ", "አዐ", "ኡዑ", "ጸፀ", "ጾፆ", "ሀሃሐሓኀኃኸኻ", "አኣዐዓ"])
def test_letters_that_sound_alike_are_one(family: str) -> None:
    assert len({fold(letter) for letter in family}) == 1


def test_sounds_that_differ_stay_apart() -> None:
    assert len({fold(letter) for letter in "ሀሁሂሄህሆሰሱአኡጸጹለመረ"}) == 15


def _distance(one: str, other: str) -> int:
    """Letters changed, missed, added or swapped with a neighbour: the textbook's table."""
    rows = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            change = rows[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, change)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_one_edit_is_what_the_textbook_calls_one(one: str, other: str) -> None:
    assert within_one_edit(one, other) == (_distance(one, other) <= 1)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("STAUTS", "STATUS"),
        ("/status@equb_bot", "STATUS"),
        ("memebrs", "MEMBERS"),
        ("ተቀላቀ", "JOIN"),
        ("ዓባላት", "MEMBERS"),
        ("እርድታ", "HELP"),
        ("ዕርዳታ", "HELP"),
        ("አመሠግናለሁ", "THANKS"),
        ("ክፈል።", "PAY"),
        ("ከፈልሁ", "PAY"),
        ("Begn", "BEGIN"),
    ],
)
def test_a_slip_in_a_long_word_is_forgiven(typed: str, command: str) -> None:
    meant = words.command_of(typed)
    assert meant is not None
    assert meant[0] == command


@pytest.mark.parametrize("typed", ["PAI", "ST0", "whoa", "ማነ", "ክፈት", "nwe", "statsus2", "1000", "K7M2Q4", "አበበ"])
def test_a_slip_in_a_short_word_or_two_slips_are_not(typed: str) -> None:
    assert words.command_of(typed) is None
