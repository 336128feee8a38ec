"""The draw: the fixed vector, that it favours nobody, and that no field of a proof can be changed unseen."""

import hashlib
import hmac
import itertools
import json
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import compress_G1, compress_G2
from py_ecc.optimized_bls12_381.optimized_curve import G2, multiply
from py_ecc.optimized_bls12_381.optimized_pairing import pairing

from core.errors import Refusal
from core.order import draw as draws
from core.order.draw import choice

SECRET = hashlib.sha256(b"demo secret").digest()
LOTS = tuple(f"L{number:03}" for number in range(1, 8))
LINK = "9c7dc6273128dc0ea7bb3342bb41cda237753b480d563cdf24ebc8164b68f8bf"
ANCHOR = "4ef004b3b43b6bd85acbc707efce3cf0dabf54413fb67ed02e6c82f8836f489f"
LIST_HASH = "2733efe101d8875e747f6c4a7f9f501c42ef6eb74ca671506226e420bf0cd1b2"

ROUND_1000 = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
ROUND_1000_RANDOMNESS = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
ROUND_1000_AT = datetime.fromtimestamp(draws.QUICKNET.genesis + 999 * 3, UTC)

DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def genuine(round_number: int = 1000, signature: str = ROUND_1000, key: str = draws.QUICKNET.public_key) -> bool:
    return draws.signature_genuine(
        public_key=bytes.fromhex(key), round_number=round_number, signature=bytes.fromhex(signature)
    )


def proof_of_draw(lots: tuple[str, ...] = LOTS, *, number: int = 1, earlier: tuple[str, ...] = ()) -> draws.Proof:
    """A true proof over drand's round 1000, the ``number``-th draw of the chain."""
    text = draws.list_text([lot for lot in lots if lot not in earlier])
    revealed = draws.link(SECRET, 5, number)
    drawn = draws.draw("EQ-TEST", 1, text, revealed, bytes.fromhex(ROUND_1000_RANDOMNESS))
    return draws.seal(
        draws.Proof(
            code="D7K2",
            group_code="EQ-TEST",
            round_number=1,
            frozen_at=ROUND_1000_AT - timedelta(hours=2),
            draw_at=ROUND_1000_AT,
            list_text=text,
            list_hash=draws.list_hash(text),
            frozen_hash=draws.list_hash(draws.list_text(lots)),
            earlier=earlier,
            exclusions=(draws.Exclusion("L008", "arrears"), draws.Exclusion("L009", "received")),
            anchor=ANCHOR,
            previous=ANCHOR if number == 1 else draws.link(SECRET, 5, number - 1).hex(),
            link=revealed.hex(),
            link_number=number,
            beacon=draws.BeaconRound(
                chain=draws.QUICKNET.chain,
                public_key=draws.QUICKNET.public_key,
                genesis=draws.QUICKNET.genesis,
                period_seconds=3,
                round=1000,
                randomness=ROUND_1000_RANDOMNESS,
                signature=ROUND_1000,
            ),
            counter=drawn.counter,
            index=drawn.index,
            lot=drawn.lot,
        )
    )


def failed(proof: draws.Proof) -> set[str]:
    return {check.name for check in draws.verify(proof).checks if not check.ok}


# --- the fixed vector ---


def test_the_published_test_vector_comes_out_to_the_letter() -> None:
    assert draws.chain(SECRET, 5) == ANCHOR
    link = draws.link(SECRET, 5, 1)
    assert link.hex() == LINK
    text = draws.list_text(LOTS)
    assert text == "L001\nL002\nL003\nL004\nL005\nL006\nL007\n"
    assert draws.list_hash(text) == LIST_HASH
    drawn = draws.draw("EQ-TEST", 1, text, link, bytes.fromhex("00112233445566778899aabbccddeeff" * 2))
    assert drawn == draws.Drawn(1, "L002", 0, f"equb-draw-v1|EQ-TEST|1|{LIST_HASH}|{LINK}|0")


def test_every_link_hashes_to_the_one_revealed_before_it() -> None:
    revealed = [bytes.fromhex(ANCHOR), *(draws.link(SECRET, 5, used) for used in range(1, 6))]
    for before, after in itertools.pairwise(revealed):
        assert hashlib.sha256(after).digest() == before
    assert revealed[-1] == SECRET
    for outside in (0, 6):
        with pytest.raises(ValueError):
            draws.link(SECRET, 5, outside)


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(ValueError):
        draws.chain(b"guess me", 5)


# --- the list ---


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "draw.list_empty"),
        ("L002\nL001\n", "draw.list_unsorted"),
        ("L001\nL001\n", "draw.list_duplicate"),
        ("L001\nL002", "draw.list_malformed"),
        ("L001\n\nL002\n", "draw.list_malformed"),
        ("L001\r\nL002\r\n", "draw.list_malformed"),
        ("L001|1\n", "draw.list_malformed"),
        ("\n", "draw.list_malformed"),
        ("ዕጣ1\n", "draw.list_malformed"),
        ("".join(f"{number:05}\n" for number in range(10_001)), "draw.list_too_long"),
    ],
)
def test_nobody_is_drawn_from_a_list_that_is_not_whole(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        draws.draw("EQ-TEST", 1, text, bytes(32), bytes(32))
    assert refusal.value.code == code


def test_the_list_does_not_depend_on_the_order_of_asking() -> None:
    assert draws.list_text(["L010", "L002", "L001"]) == "L001\nL002\nL010\n"
    assert draws.list_text([]) == ""
    with pytest.raises(Refusal) as refusal:
        draws.list_text(["L001", "L002", "L001"])
    assert refusal.value.code == "draw.list_duplicate"


def test_a_group_code_cannot_pose_as_another_part_of_the_message() -> None:
    with pytest.raises(ValueError):
        draws.draw("EQ|1", 1, "L001\n", bytes(32), bytes(32))


# --- nobody is favoured ---


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 12, 100, 120, 255, 256])
def test_every_lot_has_exactly_as_many_values(n: int) -> None:
    """With one-byte digests all values can be counted; plain ``x % n`` gives the first lots one more each."""
    counts = Counter(draws.index_below(bytes([value]), n) for value in range(256))
    rejected = counts.pop(None, 0)
    assert set(counts) == set(range(n))
    assert set(counts.values()) == {256 // n}
    assert rejected == 256 % n


def test_a_rejected_value_raises_the_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    real = choice._digest

    def first_is_too_high(key: bytes, message: str) -> bytes:
        return b"\xff" * 32 if message.endswith("|0") else real(key, message)

    monkeypatch.setattr(choice, "_digest", first_is_too_high)
    drawn = draws.draw("EQ-TEST", 1, draws.list_text(LOTS), bytes.fromhex(LINK), bytes(32))
    assert drawn.counter == 1
    assert drawn.message.endswith("|1")
    value = int.from_bytes(hmac.digest(bytes(32), drawn.message.encode(), "sha256"), "big")
    assert drawn.index == value % 7


@pytest.mark.parametrize("n", [2, 3, 7, 12, 30, 120])
def test_no_lot_comes_up_more_often_than_chance_allows(n: int) -> None:
    """Chi-square over 100 draws for each lot with fixed links and randomness: it never fails by luck."""
    text = draws.list_text([f"L{number:03}" for number in range(1, n + 1)])
    times = 100 * n
    counts: Counter[int] = Counter()
    for number in range(times):
        seed = hashlib.sha256(f"{n}/{number}".encode()).digest()
        counts[draws.draw("EQ-TEST", 1, text, seed, seed[::-1]).index] += 1
    chi_square = sum((counts[index] - 100) ** 2 / 100 for index in range(n))
    # Mean of the statistic is n - 1 with variance 2 (n - 1); four deviations above it is beyond 1 in 1,000.
    assert chi_square < (n - 1) + 4 * (2 * (n - 1)) ** 0.5


@settings(max_examples=200, deadline=None)
@given(
    lots=st.sets(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,8}", fullmatch=True), min_size=1, max_size=40),
    link=st.binary(min_size=32, max_size=32),
    randomness=st.binary(min_size=32, max_size=32),
    round_number=st.integers(1, 600),
)
def test_any_draw_lands_on_its_own_list_and_again_the_same(
    lots: set[str], link: bytes, randomness: bytes, round_number: int
) -> None:
    text = draws.list_text(list(lots))
    drawn = draws.draw("EQ-TEST", round_number, text, link, randomness)
    assert 0 <= drawn.index < len(lots)
    assert drawn.lot == sorted(lots)[drawn.index]
    assert drawn == draws.draw("EQ-TEST", round_number, text, link, randomness)


def test_two_lots_of_one_round_are_two_draws_over_shrinking_lists() -> None:
    first = proof_of_draw()
    second = proof_of_draw(number=2, earlier=(first.lot,))
    assert failed(first) == failed(second) == set()
    assert first.lot not in second.list_text.split()
    assert first.frozen_hash == second.frozen_hash
    assert second.previous == first.link


def test_a_lot_that_vanishes_between_two_draws_of_a_round_shows() -> None:
    first = proof_of_draw()
    shrunk = proof_of_draw(tuple(lot for lot in LOTS if lot != "L005"), number=2, earlier=(first.lot,))
    assert failed(draws.seal(replace(shrunk, frozen_hash=first.frozen_hash))) == {"frozen"}


# --- the beacon ---


def test_the_beacon_round_is_the_first_at_or_after_the_draw() -> None:
    at = draws.beacon_round_at
    genesis = datetime.fromtimestamp(1_692_803_367, UTC)
    cases = [(-1, 1), (0, 1), (0.000001, 2), (1, 2), (2.999999, 2), (3, 2), (3.000001, 3), (2997, 1000)]
    for seconds, expected in cases:
        assert at(genesis + timedelta(seconds=seconds), 1_692_803_367, 3) == expected
    addis = timezone(timedelta(hours=3))
    assert at(ROUND_1000_AT.astimezone(addis), 1_692_803_367, 3) == 1000
    with pytest.raises(ValueError):
        at(ROUND_1000_AT.replace(tzinfo=None), 1_692_803_367, 3)


def test_drands_round_1000_is_genuine_and_anything_else_is_not() -> None:
    assert genuine()
    assert draws.randomness_of(bytes.fromhex(ROUND_1000)).hex() == ROUND_1000_RANDOMNESS
    infinity_signature, infinity_key = "c0" + "00" * 47, "c0" + "00" * 95
    assert not genuine(round_number=1001)
    assert not genuine(signature=ROUND_1000[:-2] + "38")
    assert not genuine(signature=ROUND_1000[:-2])
    assert not genuine(signature="9" + ROUND_1000[1:])
    assert not genuine(signature="")
    assert not genuine(key=draws.QUICKNET.public_key[:-2] + "5b")
    assert not genuine(signature=infinity_signature)
    assert not genuine(signature=infinity_signature, key=infinity_key)


def test_two_libraries_agree_on_hash_signature_and_pairing() -> None:
    """py_ecc is slow and written for reading; it makes a key and a signature, and checks drand's own."""
    secret, round_number = 0x5EED, 77
    hashed = hash_to_G1(hashlib.sha256(round_number.to_bytes(8, "big")).digest(), DOMAIN, hashlib.sha256)  # type: ignore[arg-type]  # it calls it
    signature = int(compress_G1(multiply(hashed, secret))).to_bytes(48, "big").hex()
    key = b"".join(int(half).to_bytes(48, "big") for half in compress_G2(multiply(G2, secret))).hex()
    assert genuine(round_number=round_number, signature=signature, key=key)
    assert not genuine(round_number=round_number + 1, signature=signature, key=key)
    assert pairing(G2, multiply(hashed, secret)) == pairing(multiply(G2, secret), hashed)


# --- the proof ---


def test_a_true_proof_passes_every_check() -> None:
    verdict = draws.verify(proof_of_draw())
    assert verdict.ok
    assert not verdict.test_beacon
    assert [check.name for check in verdict.checks] == [
        "list",
        "frozen",
        "exclusions",
        "chain",
        "beacon_source",
        "beacon_round",
        "beacon_randomness",
        "beacon_signature",
        "lot",
        "record",
    ]


def with_field(whole: Any, name: str, value: object) -> Any:
    return replace(whole, **{name: value})


def _other(value: object) -> object:
    match value:
        case int():
            return value + 1
        case str():
            return value[:-1] + ("1" if value[-1:] != "1" else "2")
        case datetime():
            return value + timedelta(seconds=1)
        case (draws.Exclusion() as first, *rest):
            return (replace(first, reason="suspended"), *rest)
        case tuple():
            return (*value, "L010")
    raise AssertionError(value)


def changes() -> list[tuple[str, draws.Proof]]:
    """The proof with each field, and each field of its beacon round, changed alone."""
    true = proof_of_draw()
    changed = [
        (field.name, with_field(true, field.name, _other(getattr(true, field.name))))
        for field in fields(true)
        if field.name != "beacon"
    ]
    for field in fields(true.beacon):
        beacon = with_field(true.beacon, field.name, _other(getattr(true.beacon, field.name)))
        changed.append((f"beacon.{field.name}", replace(true, beacon=beacon)))
    changed.append(("exclusions.lot", replace(true, exclusions=(draws.Exclusion("L010", "arrears"),))))
    return changed


@pytest.mark.parametrize(("field", "proof"), changes(), ids=[name for name, _ in changes()])
def test_any_single_changed_field_fails(field: str, proof: draws.Proof) -> None:
    assert not draws.verify(proof).ok
    assert "record" in failed(proof)


# What nothing but the record in the ledger can vouch for: the words around a draw, not the draw.
ONLY_THE_RECORD = {"code", "frozen_at", "exclusions", "exclusions.lot", "record"}


@pytest.mark.parametrize(("field", "proof"), changes(), ids=[name for name, _ in changes()])
def test_a_forger_who_seals_again_is_caught_by_the_sums(field: str, proof: draws.Proof) -> None:
    assert bool(failed(draws.seal(proof))) == (field not in ONLY_THE_RECORD)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_proof_of_nonsense_fails_and_never_breaks(data: st.DataObject) -> None:
    """Every field may hold anything of its type."""
    true = proof_of_draw()
    anything: dict[Any, st.SearchStrategy[object]] = {
        str: st.text(st.characters(), max_size=100),
        int: st.integers(-(2**80), 2**80),
        datetime: st.datetimes(timezones=st.just(UTC)),
        tuple[str, ...]: st.lists(st.text(max_size=5), max_size=3).map(tuple),
    }
    name = data.draw(st.sampled_from([field.name for field in fields(true) if field.type in anything]))
    beacon_name = data.draw(st.sampled_from([field.name for field in fields(true.beacon)]))
    kinds = {field.name: field.type for field in (*fields(true), *fields(true.beacon))}
    beacon = with_field(true.beacon, beacon_name, data.draw(anything[kinds[beacon_name]]))
    nonsense = with_field(replace(true, beacon=beacon), name, data.draw(anything[kinds[name]]))
    assert draws.verify(nonsense).ok == (nonsense == true)


def test_a_cut_off_after_the_draw_fails() -> None:
    late = proof_of_draw()
    assert failed(draws.seal(replace(late, frozen_at=late.draw_at))) == {"frozen"}


def test_a_lot_cannot_be_listed_and_excluded() -> None:
    both = replace(proof_of_draw(), exclusions=(draws.Exclusion("L003", "arrears"),))
    assert failed(draws.seal(both)) == {"exclusions"}


def test_a_link_out_of_turn_fails() -> None:
    """Whoever knows the secret could try link after link until one suits."""
    other = proof_of_draw(number=2)
    assert failed(draws.seal(replace(other, link_number=1))) == {"chain"}
    assert failed(draws.seal(replace(other, previous=ANCHOR))) == {"chain"}


def test_another_beacon_is_named_a_test_beacon_and_cannot_pose_as_drand() -> None:
    true = proof_of_draw()
    posing = draws.seal(replace(true, beacon=replace(true.beacon, public_key="aa" * 96)))
    assert {"beacon_source", "beacon_signature"} <= failed(posing)
    assert draws.verify(posing).test_beacon


def test_a_proof_survives_its_json_and_has_one_form() -> None:
    true = proof_of_draw()
    text = draws.proof_to_json(true)
    assert draws.proof_from_json(text) == true
    assert draws.proof_from_json(json.dumps(json.loads(text), indent=2)) == true
    addis = replace(true, draw_at=true.draw_at.astimezone(timezone(timedelta(hours=3))))
    assert draws.proof_to_json(addis) == text


def test_the_record_is_the_hash_that_three_lines_of_python_give() -> None:
    true = proof_of_draw()
    body = json.loads(draws.proof_to_json(true))
    record = body.pop("record")
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert record == draws.record_hash(true) == hashlib.sha256(text.encode()).hexdigest()
    assert body["version"] == "equb-draw-v1"


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"version": "equb-draw-v2"}, "version", "version"),
        ({"extra": 1}, "Proof", "fields"),
        ({"round_number": True}, "round_number", "type"),
        ({"round_number": 1.0}, "round_number", "type"),
        ({"index": 2**53}, "index", "type"),
        ({"lot": "ዕጣ"}, "lot", "type"),
        ({"lot": None}, "lot", "type"),
        ({"code": "D7K2\nok  lot  L005"}, "code", "type"),
        ({"earlier": [1]}, "earlier", "type"),
        ({"exclusions": [{"lot": "L008"}]}, "Exclusion", "fields"),
        ({"beacon": {}}, "BeaconRound", "fields"),
        ({"draw_at": "2023-08-23T18:59:24+03:00"}, "draw_at", "type"),
        ({"draw_at": "2023-08-23T15:59:24"}, "draw_at", "type"),
        ({"draw_at": "soon"}, "draw_at", "type"),
    ],
)
def test_a_proof_that_is_not_one_is_refused_by_name(change: dict[str, object], field: str, problem: str) -> None:
    body = json.loads(draws.proof_to_json(proof_of_draw())) | change
    with pytest.raises(Refusal) as refusal:
        draws.proof_from_json(json.dumps(body))
    assert refusal.value.code == "proof.unreadable"
    assert refusal.value.facts == {"field": field, "problem": problem}


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 2_000, '{"version": NaN}', "9" * 5_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        draws.proof_from_json(text)


def test_a_proof_too_long_to_be_one_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        draws.proof_from_json(" " * 2_000_001)
    assert refusal.value.facts["problem"] == "too_long"
