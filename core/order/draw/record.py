"""The record of a lot that was found without a computed draw: by turn, by decision, by auction, before witnesses …

Owns the record, its canonical JSON (``equb-record-v1``) and the hash that stands in the ledger. It says for ever who
found the lot, how and when, and that nothing of it was changed since. It proves nothing about the choice itself, and
is never shown as if it did.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from core.errors import Refusal
from core.order.draw.proof import MAX_PROOF_CHARS, Exclusion

RECORD = "equb-record-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One lot found, not computed. It names lots, offices and numbers, never people.

    ``kind``: turn, organiser, need, auction, witnessed, paper. ``how``: what belongs to that kind, as plain text.
    ``list_text`` and ``list_hash``: the lots that could be found, as announced at the cut-off; empty when there was
    no list. ``record`` seals it all: see ``seal_record``.
    """

    code: str
    group_code: str
    round_number: int
    kind: str
    lot: str
    found_at: datetime
    list_text: str = ""
    list_hash: str = ""
    exclusions: tuple[Exclusion, ...] = ()
    how: Mapping[str, str] = field(default_factory=dict)
    record: str = ""


def record_seal(record: Record) -> str:
    """SHA256, in hex, of the canonical JSON without ``record``; it stands in the ledger by the payout."""
    body = _body(record)
    del body["record"]
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def seal_record(record: Record) -> Record:
    """The same record with its ``record`` set."""
    return replace(record, record=record_seal(record))


def record_to_json(record: Record) -> str:
    """Canonical JSON: keys sorted, no spaces, ASCII."""
    return _canonical(_body(record))


def is_record(text: str) -> bool:
    """Whether a document is such a record rather than the proof of a computed draw."""
    if len(text) > MAX_PROOF_CHARS:
        return False
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("version") == RECORD


def record_from_json(text: str) -> Record:
    """Read a record strictly. Raises Refusal ``proof.unreadable`` with ``field`` and ``problem``."""
    if not is_record(text):
        raise Refusal("proof.unreadable", field="version", problem="version")
    body = json.loads(text)
    del body["version"]
    if body.keys() != {one.name for one in fields(Record)}:
        raise Refusal("proof.unreadable", field="Record", problem="fields")
    try:
        body["found_at"] = datetime.fromisoformat(body["found_at"])
        body["exclusions"] = tuple(Exclusion(one["lot"], one["reason"]) for one in body["exclusions"])
        body["how"] = {str(name): str(value) for name, value in body["how"].items()}
    except (TypeError, ValueError, KeyError, AttributeError):
        raise Refusal("proof.unreadable", field="Record", problem="type") from None
    plain = {name for name in body if name not in ("found_at", "exclusions", "how", "round_number")}
    if type(body["round_number"]) is not int or not all(type(body[name]) is str for name in plain):
        raise Refusal("proof.unreadable", field="Record", problem="type")
    return Record(**body)


def _body(record: Record) -> dict[str, Any]:
    body: dict[str, Any] = {"version": RECORD, **asdict(record)}
    body["found_at"] = record.found_at.astimezone(UTC).isoformat()
    body["how"] = dict(record.how)
    return body


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))
