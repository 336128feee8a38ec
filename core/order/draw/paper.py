"""A draw that was held on paper before the equb came here: said for ever as taken from the book, never as computed.

Owns its record, its canonical JSON (``equb-paper-v1``) and the hash that stands in the ledger. It proves that the
record was not changed since it was entered, and nothing about how the lot came up.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from core.errors import Refusal

PAPER = "equb-paper-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDraw:
    """One lot that came up on paper. ``held_on`` and ``entered_on`` are ISO dates, ``source`` the SHA256 of the file
    that it was entered from, in hex, ``import_code`` the import. ``record`` seals it all."""

    code: str
    group_code: str
    round_number: int
    lot: str
    held_on: str
    entered_on: str
    import_code: str
    source: str
    record: str = ""


def seal_paper(paper: PaperDraw) -> PaperDraw:
    """The same record with its hash set: SHA256, in hex, of the canonical JSON without ``record``."""
    body = _body(paper)
    del body["record"]
    return replace(paper, record=hashlib.sha256(_canonical(body).encode()).hexdigest())


def paper_to_json(paper: PaperDraw) -> str:
    """Canonical JSON: keys sorted, no spaces, ASCII."""
    return _canonical(_body(paper))


def is_paper(text: str) -> bool:
    """Whether a document is such a record, rather than a proof."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("version") == PAPER


def paper_from_json(text: str) -> PaperDraw:
    """Read a record strictly. Raises Refusal ``proof.unreadable`` with ``field`` and ``problem``."""
    if not is_paper(text):
        raise Refusal("proof.unreadable", field="version", problem="version")
    body = json.loads(text)
    del body["version"]
    kinds = {field.name: field.type for field in fields(PaperDraw)}
    if body.keys() != kinds.keys():
        raise Refusal("proof.unreadable", field="PaperDraw", problem="fields")
    for name, value in body.items():
        if type(value) is not kinds[name]:
            raise Refusal("proof.unreadable", field=name, problem="type")
    return PaperDraw(**body)


def _body(paper: PaperDraw) -> dict[str, Any]:
    return {"version": PAPER, **asdict(paper)}


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))
