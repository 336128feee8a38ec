"""``/verify/{code}``: the proof of a draw for anybody, as a page that checks it in the browser and as JSON.

Owns the page, its static files and their headers. Computes nothing about the draw itself: whoever does not
trust this server must not have to. A lot that was not computed has a page that says so, with the sealed record of how
it was found. Refuses to tell a draw that does not exist from one that is not public.
"""

import hashlib
import html
import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from string import Template
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core.errors import NotFound
from core.messages import TELEGRAM, Reader, show
from core.order import found
from core.order.draw import (
    PaperDraw,
    Proof,
    Record,
    paper_to_json,
    proof_to_json,
    record_seal,
    record_to_json,
)

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static" / "verify"
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FILES = {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _KINDS}
_TEMPLATES = {name: Template((_FOLDER / name).read_text()) for name in ("page.html", "record.html", "said.html")}

# Files may be kept for ever because their addresses change with their content.
_VERSION = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def _words() -> dict[str, dict[str, str]]:
    """The page's sentences by language; the script file is one JSON object between a head and a semicolon."""
    script = _FILES["words.js"].decode()
    words: dict[str, dict[str, str]] = json.loads(script[script.index("{\n") : script.rindex("}") + 1])
    return words


WORDS = _words()


async def get_proof(code: str) -> found.Kept | None:
    """What is kept of the lot with that code, or None. A dependency: the page can be tried alone."""
    return await found.public_record(code) if _CODE.fullmatch(code) else None


FoundProof = Annotated[found.Kept | None, Depends(get_proof)]


@router.get("/verify/static/{name}")
async def static_file(name: str) -> Response:
    """One of the page's scripts or its style sheet."""
    if name not in _FILES:
        raise NotFound("page.unknown")
    headers = _HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_FILES[name], media_type=_KINDS[Path(name).suffix], headers=headers)


@router.get("/verify/{code}.json")
async def proof_document(code: str, proof: FoundProof) -> Response:
    """The proof or record as canonical JSON. Readable from any origin, so that others can build checks of their own."""
    if proof is None:
        raise NotFound("draw.unknown", draw=code[:32])
    headers = _HEADERS | {"Access-Control-Allow-Origin": "*"}
    return Response(_document(proof), media_type="application/json", headers=headers)


def _document(kept: found.Kept) -> str:
    match kept:
        case PaperDraw():
            return paper_to_json(kept)
        case Record():
            return record_to_json(kept)
        case Proof():
            return proof_to_json(kept)


@router.get("/verify/{code}")
async def proof_page(code: str, proof: FoundProof, request: Request) -> Response:
    """The page with the proof inside it, or a friendly 404."""
    language = language_of(request)
    say = WORDS[language]
    if proof is None:
        values = {
            "title": say["missing_title"],
            "sentence": html.escape(say["missing"].format(code=code[:32])),
            "more": say["missing_more"],
        }
        return _page("said.html", 404, language, values)
    if isinstance(proof, PaperDraw):
        return _page("said.html", 200, language, _on_paper(proof, language))
    if isinstance(proof, Record):
        return _page("record.html", 200, language, _record_values(proof, say))
    values = {
        "title": html.escape(say["title"].format(code=proof.code)),
        "needs_script": html.escape(say["needs_script"]),
        # Inside a script element nothing but "<" can end the text.
        "proof": proof_to_json(proof).replace("<", "\\u003c"),
    }
    return _page("page.html", 200, language, values)


def _on_paper(paper: PaperDraw, language: str) -> dict[str, Any]:
    """What is said of a draw that nobody here has computed, in the place of checks."""
    reader = Reader(language, TELEGRAM)
    facts = {
        "code": paper.code,
        "lot": int(paper.lot.removeprefix("L")),
        "round": paper.round_number,
        "on": show(date.fromisoformat(paper.held_on), reader),
        "entered": show(date.fromisoformat(paper.entered_on), reader),
        "import": paper.import_code,
    }
    parts = {"title": "paper_title", "sentence": "paper", "more": "paper_more"}
    return {part: html.escape(WORDS[language][word].format_map(facts)) for part, word in parts.items()}


def _record_values(record: Record, say: dict[str, str]) -> dict[str, str]:
    """What the page of a record shows. The only check that there is, its seal, is made here."""
    lots = record.list_text.split()
    out = [(one.lot, say.get(f"reason_{one.reason}", one.reason)) for one in record.exclusions]
    summary = [
        (say["group"], record.group_code),
        (say["round"], record.round_number),
        (say["code"], record.code),
        (say["found_at"], f"{record.found_at:%Y-%m-%d %H:%M} UTC"),
    ]
    how = [(say.get(f"how_{name}", name), value) for name, value in record.how.items()]
    facts = [(say["told_list"], record.list_hash), *how, (say["told_record"], record.record)]
    escaped = {
        "title": say["title"].format(code=record.code),
        "sentence": say["not_computed"],
        "more": say.get(f"kind_{record.kind}", say["kind_other"]),
        "lot_label": say["lot_found"],
        "lot": record.lot,
        "in_draw": say["in_list"].format(count=len(lots)),
        "left_out": say["left_out"].format(count=len(out)),
        "record_title": say["record_title"],
        "record_state": say["record_ok" if record_seal(record) == record.record else "record_bad"],
    }
    rows = "".join(f"<li><b>{html.escape(lot)}</b> {html.escape(reason)}</li>" for lot, reason in out)
    return {name: html.escape(value) for name, value in escaped.items()} | {
        "summary": _pairs(summary),
        "facts": _pairs(facts),
        "lots": "".join(f"<li>{html.escape(lot)}</li>" for lot in lots),
        "exclusions": rows or f"<li>{html.escape(say['nobody_left_out'])}</li>",
    }


def _pairs(entries: Iterable[tuple[str, Any]]) -> str:
    return "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>" for name, value in entries)


def language_of(request: Request) -> str:
    """``?lang=``, else the first language of the browser that the page has, else English."""
    asked = request.query_params.get("lang", "")
    preferred = [part.split(";")[0] for part in request.headers.get("accept-language", "").split(",")]
    for wanted in (asked, *preferred):
        language = wanted.strip().split("-")[0].lower()
        if language in WORDS:
            return language
    return "en"


def _page(name: str, status: int, language: str, values: dict[str, Any]) -> Response:
    links = []
    for key, words in WORDS.items():
        current = ' aria-current="true"' if key == language else ""
        links.append(f'<a href="?lang={key}" lang="{key}"{current}>{words["language"]}</a>')
    values = {**values, "lang": language, "languages": "".join(links), "version": _VERSION}
    text = _TEMPLATES[name].substitute(values)
    return Response(text, status, {**_HEADERS, "Vary": "Accept-Language"}, "text/html; charset=utf-8")
