"""check the proof of a draw: verify-draw <proof.json | - | address of /verify/CODE.json>

Owns: reading a proof from a file, standard input or an address, and saying in plain lines what holds.
Refuses: to ask our database or our server for anything; a file is checked without any network.

Ends with 0 when every check passed, 1 when one failed, 2 when there is no proof to check: nothing readable, or the
record of a lot that was not computed, which is shown as what it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import httpx

from core.errors import Refusal
from core.order.draw import (
    Check,
    Proof,
    Record,
    Verdict,
    is_paper,
    is_record,
    proof_from_json,
    record_from_json,
    record_seal,
    verify,
)
from core.order.draw.proof import MAX_PROOF_CHARS
from ops.errors import CannotStart

# What each check has found when it passed, and when it failed; the names in braces are the check's facts.
_SENTENCES = {
    "list": (
        "{lots} lots, each once and in order; L = {found}",
        "the list is not whole or not the one named",
    ),
    "frozen": (
        "the list announced at the cut-off, less {earlier} drawn before",
        "not the list announced in time",
    ),
    "exclusions": (
        "{lots} left out, none of them in the list",
        "a lot is both in and out, or without reason",
    ),
    "chain": ("link {number} leads back to {anchor}", "link {number} does not lead back to {anchor}"),
    "beacon_source": ("chain {chain}", "poses as drand quicknet without being it"),
    "beacon_round": (
        "{found} is the first at or after the draw",
        "{found} belongs to the draw, {said} was used",
    ),
    "beacon_randomness": ("SHA256 of the signature", "not SHA256 of the signature"),
    "beacon_signature": ("the key signed round {round}", "the key did not sign round {round}"),
    "lot": ("{message} gives place {index}, {found}", "the lot is not {said}"),
    "record": ("{found}", "the proof was changed after it was sealed"),
}


def main(argv: list[str]) -> int:
    """Check one proof and print every check: 0 when all passed, else 1. CannotStart (2) without a proof."""
    if len(argv) != 1:
        raise CannotStart("verify-draw needs one proof: a JSON file, - or an address", status=2)
    document = _text_of(argv[0])
    if is_paper(document):
        raise CannotStart(
            f"{argv[0]} is of a draw on paper: it was not computed, so there is nothing to check", status=2
        )
    try:
        if is_record(document):
            return _show_record(record_from_json(document))
        proof = proof_from_json(document)
    except Refusal as refusal:
        where = f" (at {refusal.facts['field']})" if refusal.facts["field"] else ""
        raise CannotStart(f"{argv[0]} is not the whole proof of a draw{where}", status=2) from None
    verdict = verify(proof)
    for line in _lines(proof, verdict):
        print(line)
    return 0 if verdict.ok else 1


def _show_record(record: Record) -> int:
    """Say how the lot was found, and that nothing but the seal of that can be checked."""
    print(f"lot {record.lot}, equb {record.group_code}, round {record.round_number}, {record.code}")
    print(f"NOT COMPUTED: {record.kind}, at {record.found_at.isoformat()}")
    for name, value in record.how.items():
        print(f"        {name:<18} {value}")
    sealed = record_seal(record) == record.record
    print("the record is as it was sealed" if sealed else "FAILED  the record was changed after it was sealed")
    return 2 if sealed else 1


def _lines(proof: Proof, verdict: Verdict) -> list[str]:
    lines = [f"draw {proof.code}, equb {proof.group_code}, round {proof.round_number}"]
    lines += [_line(check) for check in verdict.checks]
    if verdict.test_beacon:
        lines.append("TEST BEACON: the randomness is not from drand quicknet; whoever runs it may know it early")
    if verdict.ok:
        lines.append(f"the lot is {proof.lot}")
    else:
        failed = sum(not check.ok for check in verdict.checks)
        lines.append(f"NOT VERIFIED: {failed} of {len(verdict.checks)} checks failed; {proof.lot} is not proven")
    return lines


def _line(check: Check) -> str:
    passed, failed = _SENTENCES[check.name]
    sentence = (passed if check.ok else failed).format(**check.facts)
    return f"{'ok' if check.ok else 'FAILED':<7} {check.name:<18} {sentence}"


def _text_of(source: str) -> str:
    """The text behind the argument; whatever is in the way becomes one line and exit status 2."""
    try:
        if source == "-":
            return sys.stdin.read(MAX_PROOF_CHARS + 1)
        if source.startswith(("http://", "https://")):
            return _fetched(source)
        with Path(source).open(encoding="utf-8") as file:
            return file.read(MAX_PROOF_CHARS + 1)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise CannotStart(f"cannot read {source}: {reason}", status=2) from None
    except UnicodeDecodeError:
        raise CannotStart(f"{source} is not text", status=2) from None


def _fetched(address: str) -> str:
    # What people have is the address of the page; its proof stands beside it.
    url = httpx.URL(address)
    if not url.path.endswith(".json"):
        url = url.copy_with(path=url.path.rstrip("/") + ".json", query=None, fragment=None)
    body = b""
    with httpx.stream("GET", url, timeout=10, follow_redirects=True) as response:
        response.raise_for_status()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MAX_PROOF_CHARS:
                break
    return body.decode()
