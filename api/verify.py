"""``/verify/{code}``: the proof of a draw for anybody, as a page that checks it in the browser and as JSON.

Owns the page, its static files and their headers. Computes nothing about the draw itself: whoever does not
trust this server must not have to. Refuses to tell a draw that does not exist from one that is not public.
"""

import hashlib
import html
import json
import re
from datetime import date
from pathlib import Path
from string import Template
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core import draws
from core.draw import PaperDraw, Proof, paper_to_json, proof_to_json
from core.errors import NotFound
from core.messages import show_date

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static" / "verify"
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FILES = {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _KINDS}
_TEMPLATES = {name: Template((_FOLDER / name).read_text()) for name in ("page.html", "said.html")}

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


async def get_proof(code: str) -> Proof | PaperDraw | None:
    """What is kept of the draw with that code, or None. A dependency: the page can be tried alone."""
    return await draws.public_record(code) if _CODE.fullmatch(code) else None


FoundProof = Annotated[Proof | PaperDraw | None, Depends(get_proof)]


@router.get("/verify/static/{name}")
async def static_file(name: str) -> Response:
    """One of the page's scripts or its style sheet."""
    if name not in _FILES:
        raise NotFound("page.unknown")
    headers = _HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_FILES[name], media_type=_KINDS[Path(name).suffix], headers=headers)


@router.get("/verify/{code}.json")
async def proof_document(code: str, proof: FoundProof) -> Response:
    """The proof as canonical JSON, or the record of a draw on paper. Readable from any origin: others can check too."""
    if proof is None:
        raise NotFound("draw.unknown", draw=code[:32])
    headers = _HEADERS | {"Access-Control-Allow-Origin": "*"}
    document = paper_to_json(proof) if isinstance(proof, PaperDraw) else proof_to_json(proof)
    return Response(document, media_type="application/json", headers=headers)


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
    values = {
        "title": html.escape(say["title"].format(code=proof.code)),
        "needs_script": html.escape(say["needs_script"]),
        # Inside a script element nothing but "<" can end the text.
        "proof": proof_to_json(proof).replace("<", "\\u003c"),
    }
    return _page("page.html", 200, language, values)


def _on_paper(paper: PaperDraw, language: str) -> dict[str, Any]:
    """What is said of a draw that nobody here has computed, in the place of checks."""
    facts = {
        "code": paper.code,
        "lot": int(paper.lot.removeprefix("L")),
        "round": paper.round_number,
        "on": show_date(date.fromisoformat(paper.held_on), language),
        "entered": show_date(date.fromisoformat(paper.entered_on), language),
        "import": paper.import_code,
    }
    parts = {"title": "paper_title", "sentence": "paper", "more": "paper_more"}
    return {part: html.escape(WORDS[language][word].format_map(facts)) for part, word in parts.items()}


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
