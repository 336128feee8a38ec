"""The proof of a draw, its canonical JSON (``equb-draw-v1``) and the hash that stands in the ledger.

Reads strictly and judges nothing; whether a proof is true is ``core.order.draw.verdict``.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from core.errors import Refusal
from core.order.draw.choice import VERSION
from core.order.draw.randomness import BeaconIdentity

MAX_PROOF_CHARS = 2_000_000

# The largest whole number that JavaScript reads exactly; beyond it the page and we would see two proofs.
MAX_NUMBER = 2**53 - 1

# Printable ASCII has one spelling in JSON, here and in the page, and cannot forge a line where it is printed.
_PLAIN = re.compile(r"[ -~]*")
_LINES = re.compile(r"[\n -~]*")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A lot left out of a draw. ``reason`` is a stable word: ``received``, ``arrears``, ``no_guarantor`` …"""

    lot: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconRound(BeaconIdentity):
    """One published round of a beacon; hex in lower case."""

    round: int
    randomness: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Everything anybody needs to check one draw. Hashes and links are hex in lower case, instants are UTC.

    ``frozen_hash`` is the L that members were told at the cut-off. ``earlier`` are the lots drawn before this
    one in the same round, in order: this draw's list is the frozen one without them. ``previous`` is the link
    revealed by the draw before, or the anchor for the first. ``record`` seals it all: see ``seal``.
    """

    code: str
    group_code: str
    round_number: int
    frozen_at: datetime
    draw_at: datetime
    list_text: str
    list_hash: str
    frozen_hash: str
    earlier: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]
    anchor: str
    previous: str
    link: str
    link_number: int
    beacon: BeaconRound
    counter: int
    index: int
    lot: str
    record: str = ""


def _body(proof: Proof) -> dict[str, Any]:
    body: dict[str, Any] = {"version": VERSION, **asdict(proof)}
    for name in ("frozen_at", "draw_at"):
        body[name] = body[name].astimezone(UTC).isoformat()
    return body


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def record_hash(proof: Proof) -> str:
    """SHA256, in hex, of the canonical JSON without ``record``; it stands in the ledger by the payout."""
    body = _body(proof)
    del body["record"]
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def seal(proof: Proof) -> Proof:
    """The same proof with its ``record`` set."""
    return replace(proof, record=record_hash(proof))


def proof_to_json(proof: Proof) -> str:
    """Canonical JSON: keys sorted, no spaces, ASCII, instants as ``2026-01-31T15:00:00+00:00``."""
    return _canonical(_body(proof))


def proof_from_json(text: str) -> Proof:
    """Read a proof strictly: every field, no other, each of its type.

    Says nothing about whether it is true; that is ``verify``. Raises Refusal ``proof.unreadable`` with
    ``field`` and ``problem`` (``json``, ``version``, ``fields``, ``type``, ``too_long``).
    """
    if len(text) > MAX_PROOF_CHARS:
        raise Refusal("proof.unreadable", field="", problem="too_long")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal("proof.unreadable", field="", problem="json") from None
    if not isinstance(body, dict):
        raise Refusal("proof.unreadable", field="", problem="json")
    if body.pop("version", None) != VERSION:
        raise Refusal("proof.unreadable", field="version", problem="version")
    values = _typed(Proof, body)
    values["beacon"] = BeaconRound(**_typed(BeaconRound, values["beacon"]))
    values["exclusions"] = tuple(Exclusion(**_typed(Exclusion, one)) for one in values["exclusions"])
    values["earlier"] = tuple(_as(str, "earlier", one) for one in values["earlier"])
    for name in ("frozen_at", "draw_at"):
        values[name] = _instant(name, values[name])
    return Proof(**values)


_IN_JSON: dict[Any, type] = {
    str: str,
    int: int,
    datetime: str,
    BeaconRound: dict,
    tuple[str, ...]: list,
    tuple[Exclusion, ...]: list,
}


def _typed(kind: type[Proof] | type[BeaconRound] | type[Exclusion], body: Any) -> dict[str, Any]:
    wanted = {field.name: _IN_JSON[field.type] for field in fields(kind)}
    if not isinstance(body, dict) or body.keys() != wanted.keys():
        raise Refusal("proof.unreadable", field=kind.__name__, problem="fields")
    return {name: _as(wanted[name], name, value) for name, value in body.items()}


def _as(kind: type, name: str, value: Any) -> Any:
    # Exact types: True would pass as the integer 1 and leave another record.
    if type(value) is not kind:
        raise Refusal("proof.unreadable", field=name, problem="type")
    if isinstance(value, str) and not (_LINES if name == "list_text" else _PLAIN).fullmatch(value):
        raise Refusal("proof.unreadable", field=name, problem="type")
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise Refusal("proof.unreadable", field=name, problem="type")
    return value


def _instant(name: str, value: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal("proof.unreadable", field=name, problem="type") from None
    if instant.isoformat() != value:
        raise Refusal("proof.unreadable", field=name, problem="type")
    return instant
