"""Checking the proof of a draw from nothing but itself. Never raises, whatever stands in the fields."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.errors import Refusal
from core.order.draw.choice import MAX_CHAIN, MAX_LOTS, NAME, draw, hashed, list_hash, list_text, lots_of
from core.order.draw.proof import Proof, record_hash
from core.order.draw.randomness import (
    QUICKNET,
    BeaconIdentity,
    beacon_round_at,
    randomness_of,
    signature_genuine,
)

_REASON = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. ``facts`` are plain values: what was said, what was found."""

    name: str
    ok: bool
    facts: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks, in the order a person would make them.

    ``test_beacon``: the randomness is not drand quicknet's, so it proves nothing to a stranger.
    """

    checks: tuple[Check, ...]
    test_beacon: bool

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def verify(proof: Proof) -> Verdict:
    """Check a proof from nothing but itself. Never raises, whatever stands in the fields."""
    return Verdict(tuple(_checks(proof)), proof.beacon.public_key != QUICKNET.public_key)


def _checks(proof: Proof) -> Iterator[Check]:
    yield _list_check(proof)
    yield _frozen_check(proof)
    yield _exclusions_check(proof)
    yield _chain_check(proof)
    yield from _beacon_checks(proof)
    yield _lot_check(proof)
    found = record_hash(proof)
    yield Check("record", found == proof.record, {"said": proof.record, "found": found})


def _list_check(proof: Proof) -> Check:
    try:
        lots = lots_of(proof.list_text)
    except Refusal as refusal:
        return Check("list", False, {"said": proof.list_hash, "problem": refusal.code})
    found = list_hash(proof.list_text)
    return Check("list", found == proof.list_hash, {"said": proof.list_hash, "found": found, "lots": len(lots)})


def _frozen_check(proof: Proof) -> Check:
    """The list is the one announced at the cut-off, less what was drawn since, and the cut-off came first."""
    try:
        found = list_hash(list_text([*lots_of(proof.list_text), *proof.earlier]))
    except Refusal as refusal:
        return Check("frozen", False, {"said": proof.frozen_hash, "problem": refusal.code})
    facts: dict[str, str | int] = {"said": proof.frozen_hash, "found": found, "earlier": len(proof.earlier)}
    return Check("frozen", found == proof.frozen_hash and proof.frozen_at < proof.draw_at, facts)


def _exclusions_check(proof: Proof) -> Check:
    out = [exclusion.lot for exclusion in proof.exclusions]
    drawable = proof.list_text.split("\n")
    named = all(NAME.fullmatch(one.lot) and _REASON.fullmatch(one.reason) for one in proof.exclusions)
    ok = named and len(set(out)) == len(out) <= MAX_LOTS and not set(out) & set(drawable)
    return Check("exclusions", ok, {"lots": len(out)})


def _chain_check(proof: Proof) -> Check:
    revealed = _from_hex(proof.link, 32)
    facts: dict[str, str | int] = {"number": proof.link_number, "anchor": proof.anchor}
    if revealed is None or not 1 <= proof.link_number <= MAX_CHAIN:
        return Check("chain", False, facts)
    follows = hashed(revealed, 1).hex() == proof.previous
    reaches = hashed(revealed, proof.link_number).hex() == proof.anchor
    return Check("chain", follows and reaches, facts)


def _beacon_checks(proof: Proof) -> Iterator[Check]:
    beacon = proof.beacon
    said = BeaconIdentity(
        chain=beacon.chain,
        public_key=beacon.public_key,
        genesis=beacon.genesis,
        period_seconds=beacon.period_seconds,
    )
    named_quicknet = QUICKNET.chain == said.chain or QUICKNET.public_key == said.public_key
    whole = _from_hex(said.chain, 32) is not None and said.period_seconds >= 1 and 0 <= said.genesis < 1 << 33
    yield Check("beacon_source", whole and (said == QUICKNET or not named_quicknet), {"chain": said.chain})
    due = beacon_round_at(proof.draw_at, said.genesis, said.period_seconds) if whole else 0
    yield Check("beacon_round", due == beacon.round, {"said": beacon.round, "found": due})
    signature = _from_hex(beacon.signature, 48) or b""
    found = randomness_of(signature).hex()
    yield Check("beacon_randomness", found == beacon.randomness, {"said": beacon.randomness, "found": found})
    genuine = signature_genuine(
        public_key=_from_hex(beacon.public_key, 96) or b"", round_number=beacon.round, signature=signature
    )
    yield Check("beacon_signature", genuine, {"round": beacon.round})


def _lot_check(proof: Proof) -> Check:
    revealed, randomness = _from_hex(proof.link, 32), _from_hex(proof.beacon.randomness, 32)
    facts: dict[str, str | int] = {"said": proof.lot}
    if revealed is None or randomness is None or not NAME.fullmatch(proof.group_code) or proof.round_number < 1:
        return Check("lot", False, facts)
    try:
        drawn = draw(proof.group_code, proof.round_number, proof.list_text, revealed, randomness)
    except Refusal as refusal:
        return Check("lot", False, {**facts, "problem": refusal.code})
    said = (proof.index, proof.lot, proof.counter)
    facts |= {"found": drawn.lot, "index": drawn.index, "counter": drawn.counter, "message": drawn.message}
    return Check("lot", said == (drawn.index, drawn.lot, drawn.counter), facts)


def _from_hex(text: str, length: int) -> bytes | None:
    """The bytes, or None unless the text is exactly that long and in lower-case hex."""
    return bytes.fromhex(text) if re.fullmatch(rf"[0-9a-f]{{{2 * length}}}", text) else None
