"""Drawing a lot so that anybody can check it, and checking it. Pure: no I/O, no clock.

Owns the hash chain, the frozen list, the choice itself (``choice``), the arithmetic of the randomness beacon
(``randomness``), the proof of a draw and its canonical JSON (``proof``), its verification (``verdict``), and the
record of a lot that was found in any other way (``record``).

Several lots may be drawn in one round: each is a draw of its own, with its own link and a list without the
lots drawn before it. List hash and link both stand in the message, so the message needs no ordinal.
"""

from core.order.draw.choice import (
    VERSION,
    Drawn,
    chain,
    draw,
    index_below,
    link,
    list_hash,
    list_text,
    lots_of,
)
from core.order.draw.paper import PaperDraw, is_paper, paper_from_json, paper_to_json, seal_paper
from core.order.draw.proof import (
    BeaconRound,
    Exclusion,
    Proof,
    proof_from_json,
    proof_to_json,
    record_hash,
    seal,
)
from core.order.draw.randomness import (
    QUICKNET,
    BeaconIdentity,
    beacon_round_at,
    randomness_of,
    signature_genuine,
)
from core.order.draw.record import Record, is_record, record_from_json, record_seal, record_to_json, seal_record
from core.order.draw.verdict import Check, Verdict, verify

__all__ = [
    "QUICKNET",
    "VERSION",
    "BeaconIdentity",
    "BeaconRound",
    "Check",
    "Drawn",
    "Exclusion",
    "PaperDraw",
    "Proof",
    "Record",
    "Verdict",
    "beacon_round_at",
    "chain",
    "draw",
    "index_below",
    "is_paper",
    "is_record",
    "link",
    "list_hash",
    "list_text",
    "lots_of",
    "paper_from_json",
    "paper_to_json",
    "proof_from_json",
    "proof_to_json",
    "randomness_of",
    "record_from_json",
    "record_hash",
    "record_seal",
    "record_to_json",
    "seal",
    "seal_paper",
    "seal_record",
    "signature_genuine",
    "verify",
]
