"""The page of a draw: what a stranger's browser computes, shows and never sends. In a real Chromium."""

import hashlib
import hmac
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pyblst
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright
from test_draw import DOMAIN, changes, failed, proof_of_draw

from api import verify
from core.errors import NotFound, Refusal
from core.order import draw as draws
from core.order.draw import randomness

ALL_CHECKS = [check.name for check in draws.verify(proof_of_draw()).checks]
STATIC = Path(verify.__file__).parent / "static" / "verify"

# What a proof changed by one field comes to in the browser.
FAILED_IN_BROWSER = """text => {
  try {
    return [...Equb.checks(Equb.readProof(text))].filter(check => !check.ok).map(check => check.name).sort();
  } catch (problem) {
    return ["unreadable"];
  }
}"""
GENUINE_IN_BROWSER = """([key, round, signature]) =>
  Equb.signatureGenuine(Equb.fromHex(key, key.length / 2), round, Equb.fromHex(signature, signature.length / 2))
"""


def beacon_key(secret: int) -> str:
    """The public key of a beacon that we hold the secret of."""
    return bytes(pyblst.BlstP2Element.uncompress(randomness._G2_GENERATOR).scalar_mul(secret).compress()).hex()


def beacon_signature(secret: int, round_number: int) -> str:
    message = hashlib.sha256(round_number.to_bytes(8, "big")).digest()
    return bytes(pyblst.BlstP1Element.hash_to_group(message, DOMAIN).scalar_mul(secret).compress()).hex()


def drawn_by_test_beacon() -> draws.Proof:
    """A true proof over round 1000 of a beacon of our own, 120 lots."""
    true = proof_of_draw(tuple(f"L{number:03}" for number in range(1, 121)))
    signature = beacon_signature(0xBEAC04, 1000)
    value = draws.randomness_of(bytes.fromhex(signature))
    drawn = draws.draw("EQ-TEST", 1, true.list_text, bytes.fromhex(true.link), value)
    beacon = replace(
        true.beacon,
        chain="ab" * 32,
        public_key=beacon_key(0xBEAC04),
        signature=signature,
        randomness=value.hex(),
    )
    return draws.seal(
        replace(
            true,
            code="TEST-1",
            exclusions=(),
            beacon=beacon,
            index=drawn.index,
            lot=drawn.lot,
            counter=drawn.counter,
        )
    )


TRUE = proof_of_draw()
SECOND = draws.seal(replace(proof_of_draw(number=2, earlier=(TRUE.lot,)), code="EQ-TEST-2"))
PROOFS = {
    TRUE.code: TRUE,
    SECOND.code: SECOND,
    "TEST-1": drawn_by_test_beacon(),
    "PRESET": draws.seal(replace(TRUE, code="PRESET", lot="L005", index=4)),
    "MADE-UP": draws.seal(
        replace(TRUE, code="MADE-UP", beacon=replace(TRUE.beacon, signature=beacon_signature(7, 1000)))
    ),
    "WICKED": replace(TRUE, code="</script><script>document.title='mine'</script>"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The page behind a real server on the loopback, with proofs from here in place of core's."""
    app = FastAPI()
    app.include_router(verify.router)

    async def known(code: str) -> draws.Proof | None:
        return PROOFS.get(code)

    @app.exception_handler(NotFound)
    async def not_found(_: Request, refusal: NotFound) -> Response:
        return Response(refusal.code, 404)

    app.dependency_overrides[verify.get_proof] = known
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    arguments = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root otherwise
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=arguments)
        except Error:
            pytest.skip("no Chromium: that the page computes a draw by itself was not tried")
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A small phone. Anything the page throws fails the test."""
    context = browser.new_context(viewport={"width": 360, "height": 700}, locale="en-GB")
    opened = context.new_page()
    thrown: list[str] = []
    opened.on("pageerror", lambda error: thrown.append(str(error)))
    yield opened
    context.close()
    assert thrown == []


def read(page: Page, address: str) -> str:
    """Open the page and wait for its verdict."""
    page.goto(address)
    return settled(page)


def settled(page: Page) -> str:
    page.wait_for_selector("html[data-verdict]", timeout=60_000)
    return page.locator("html").get_attribute("data-verdict") or ""


def marked(page: Page, state: str) -> list[str]:
    rows = page.locator(f"#checks > li.{state}").all()
    return [(row.get_attribute("id") or "").removeprefix("check-") for row in rows]


# --- the sums of the browser ---


def test_the_browser_hashes_as_everybody_does(page: Page, site: str) -> None:
    page.goto(f"{site}/verify/{TRUE.code}")
    samples = [(b"\x00\x7f\xff" * 100)[:length] for length in (*range(140), 300)]
    hashes = page.evaluate(
        """samples => samples.map(sample => {
          const bytes = Uint8Array.from(sample);
          return [Equb.toHex(Equb.sha256(bytes)), Equb.toHex(Equb.hmacSha256(bytes, bytes))];
        })""",
        [list(sample) for sample in samples],
    )
    assert hashes == [
        [hashlib.sha256(sample).hexdigest(), hmac.digest(sample, sample, "sha256").hex()] for sample in samples
    ]


def test_the_browser_favours_nobody_either(page: Page, site: str) -> None:
    page.goto(f"{site}/verify/{TRUE.code}")
    for n in (1, 3, 7, 120, 256):
        found = page.evaluate(
            "n => Array.from({length: 256}, (_, value) => Equb.indexBelow(Uint8Array.of(value), n))", n
        )
        assert found == [draws.index_below(bytes([value]), n) for value in range(256)]


def test_the_browser_knows_a_genuine_signature(page: Page, site: str) -> None:
    page.goto(f"{site}/verify/{TRUE.code}")
    drand = [TRUE.beacon.public_key, 1000, TRUE.beacon.signature]
    assert page.evaluate(GENUINE_IN_BROWSER, drand) is True
    rounds = [0, 1, 2**32 + 5, 2**53 - 1, *range(10, 26)]
    for number, round_number in enumerate(rounds, start=1):
        secret = int.from_bytes(hashlib.sha256(bytes([number])).digest(), "big") >> 2
        key, signature = beacon_key(secret), beacon_signature(secret, round_number)
        assert page.evaluate(GENUINE_IN_BROWSER, [key, round_number, signature]) is True
        assert page.evaluate(GENUINE_IN_BROWSER, [key, round_number ^ 1, signature]) is False


def outside_the_group() -> str:
    """A point of the curve that is not in G1."""
    prime = int("1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab", 16)
    x = next(x for x in range(1, 100) if pow(x**3 + 4, (prime - 1) // 2, prime) == 1)
    return (1 << 383 | x).to_bytes(48, "big").hex()


MALFORMED = [
    (draws.QUICKNET.public_key, "c0" + "00" * 47),
    ("c0" + "00" * 95, "c0" + "00" * 47),
    (draws.QUICKNET.public_key, outside_the_group()),
    (draws.QUICKNET.public_key, "80" + "00" * 47),
    (draws.QUICKNET.public_key, "9f" + "ff" * 47),
    (draws.QUICKNET.public_key, "3" + TRUE.beacon.signature[1:]),
    (draws.QUICKNET.public_key, "9" + TRUE.beacon.signature[1:]),
    (draws.QUICKNET.public_key, TRUE.beacon.signature[:-2]),
    (draws.QUICKNET.public_key[:-2] + "5b", TRUE.beacon.signature),
    ("a" + draws.QUICKNET.public_key[1:], TRUE.beacon.signature),
]


def test_the_browser_refuses_every_malformed_signature_or_key(page: Page, site: str) -> None:
    page.goto(f"{site}/verify/{TRUE.code}")
    for key, signature in MALFORMED:
        assert page.evaluate(GENUINE_IN_BROWSER, [key, 1000, signature]) is False
        assert not draws.signature_genuine(
            public_key=bytes.fromhex(key), round_number=1000, signature=bytes.fromhex(signature)
        )


def failed_in_python(text: str) -> list[str]:
    try:
        return sorted(failed(draws.proof_from_json(text)))
    except Refusal:
        return ["unreadable"]


def test_browser_and_server_find_the_same_wrong_with_every_changed_proof(page: Page, site: str) -> None:
    """Each field changed alone, then sealed again as a forger would, then turned into things it never is."""
    page.goto(f"{site}/verify/{TRUE.code}")
    proofs = [TRUE, SECOND, PROOFS["TEST-1"]]
    for _, changed in changes():
        proofs += [changed, draws.seal(changed)]
    texts = [draws.proof_to_json(proof) for proof in proofs]
    body = json.loads(texts[0])
    odd: list[Any] = [None, -1, 0, 1.5, 2**60, "", "a\nb", "\x7f", "ዕጣ", [], {}, ["L001"], True, "L001\n"]
    texts += [json.dumps({**body, name: value}) for name in body for value in odd]
    texts += [
        json.dumps({**body, "beacon": {**body["beacon"], name: value}}) for name in body["beacon"] for value in odd
    ]
    texts += [json.dumps({**body, "constructor": 1}), json.dumps([body]), "null", "", "{"]
    for instant in ("2023-02-29T00:00:00+00:00", "2023-08-23T15:59:24Z", "2023-08-23T15:59:22.000001+00:00"):
        texts.append(json.dumps({**body, "draw_at": instant}))
    for text in texts:
        assert page.evaluate(FAILED_IN_BROWSER, text) == failed_in_python(text), text
    assert failed_in_python(texts[0]) == []


# --- what the person sees ---


@pytest.mark.parametrize(("language", "verdict"), [("en", "This draw checks out"), ("am", "ይህ ዕጣ ትክክል ነው")])
def test_a_true_draw_is_green_in_every_check(page: Page, site: str, language: str, verdict: str) -> None:
    workers: list[str] = []
    page.on("worker", lambda worker: workers.append(worker.url))
    assert read(page, f"{site}/verify/{TRUE.code}?lang={language}") == "ok"
    expect(page.locator("h1")).to_have_text(verdict)
    expect(page.locator("#lot")).to_have_text(TRUE.lot)
    expect(page.locator("#told b")).to_have_text(TRUE.frozen_hash[:12])
    assert marked(page, "ok") == ALL_CHECKS
    assert "undefined" not in page.locator("body").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert len(workers) == 1


def test_the_second_lot_of_a_round_shows_the_first_as_left_out(page: Page, site: str) -> None:
    assert read(page, f"{site}/verify/{SECOND.code}") == "ok"
    expect(page.locator("#exclusions")).to_contain_text(f"{TRUE.lot} drawn earlier in this round")
    expect(page.locator("#exclusions")).to_contain_text("L008 has dues not paid")
    expect(page.locator("#in-draw")).to_have_text("In the draw: 6")


def test_a_test_beacon_is_plainly_called_one(page: Page, site: str) -> None:
    assert read(page, f"{site}/verify/TEST-1") == "test"
    expect(page.locator("#test-beacon")).to_be_visible()
    expect(page.locator("#test-beacon")).to_contain_text("Do not rely on this draw for real money")
    assert read(page, f"{site}/verify/{TRUE.code}") == "ok"
    expect(page.locator("#test-beacon")).to_be_hidden()


@pytest.mark.parametrize(("code", "check"), [("PRESET", "lot"), ("MADE-UP", "beacon_signature")])
def test_a_tampered_draw_is_red(page: Page, site: str, code: str, check: str) -> None:
    wrong = failed(PROOFS[code])
    assert check in wrong
    assert read(page, f"{site}/verify/{code}") == "failed"
    expect(page.locator("h1")).to_have_text("This draw does NOT check out")
    assert marked(page, "bad") == [name for name in ALL_CHECKS if name in wrong]
    assert marked(page, "ok") == [name for name in ALL_CHECKS if name not in wrong]


def test_a_saved_proof_with_any_field_changed_is_red(page: Page, site: str) -> None:
    read(page, f"{site}/verify/{TRUE.code}")
    for field, changed in changes():
        text = draws.proof_to_json(changed).encode()
        page.set_input_files("#open", {"name": "p.json", "mimeType": "application/json", "buffer": text})
        expect(page.locator("#verdict"), field).to_have_class("verdict failed", timeout=60_000)
        assert "record" in marked(page, "bad"), field
        page.locator("html").evaluate("html => html.removeAttribute('data-verdict')")
        page.locator("#verdict").evaluate("place => place.removeAttribute('class')")


def test_what_is_no_proof_is_said_to_be_none(page: Page, site: str) -> None:
    assert read(page, f"{site}/verify/WICKED") == "failed"
    assert page.title() != "mine"
    page.set_input_files("#open", {"name": "a.json", "mimeType": "application/json", "buffer": b'{"version": 1}'})
    expect(page.locator("h1")).to_have_text("This is not the whole proof of a draw")
    expect(page.locator("#draw")).to_be_hidden()


def test_the_page_asks_nobody_but_for_its_own_files(page: Page, site: str) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    read(page, f"{site}/verify/{TRUE.code}")
    page.wait_for_load_state("networkidle")
    paths = {address.removeprefix(site).split("?")[0] for address in asked}
    assert all(address.startswith(f"{site}/verify/") for address in asked)
    assert paths == {f"/verify/{TRUE.code}", *(f"/verify/static/{name}" for name in verify._FILES)}


def test_the_persons_own_look_at_the_beacon_is_compared(page: Page, site: str) -> None:
    read(page, f"{site}/verify/{TRUE.code}")
    addresses = page.locator("#mirrors a").all_inner_texts()
    assert f"https://api.drand.sh/{draws.QUICKNET.chain}/public/1000" in addresses
    answer = {"round": 1000, "randomness": TRUE.beacon.randomness, "signature": TRUE.beacon.signature}
    for text, said in [
        (json.dumps(answer), "✓ The same"),
        (json.dumps({**answer, "randomness": "00" * 32}), "✗ NOT the same"),
        ("what?", "This is not an answer"),
        ("null", "This is not an answer"),
    ]:
        page.fill("#answer", text)
        page.click("#compare")
        expect(page.locator("#compared")).to_contain_text(said)


def test_the_saved_proof_is_the_published_one(page: Page, site: str, tmp_path: Path) -> None:
    read(page, f"{site}/verify/{TRUE.code}")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == f"equb-draw-{TRUE.code}.json"
    saved = tmp_path / "proof.json"
    download.value.save_as(saved)
    assert saved.read_text() == httpx.get(f"{site}/verify/{TRUE.code}.json").text


def test_a_saved_copy_of_the_page_checks_without_any_server(browser: Browser, site: str, tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    (tmp_path / "draw.html").write_text(httpx.get(f"{site}/verify/{TRUE.code}").text)
    context = browser.new_context(offline=True)
    page = context.new_page()
    assert read(page, (tmp_path / "draw.html").as_uri()) == "ok"
    assert marked(page, "ok") == ALL_CHECKS
    text = draws.proof_to_json(PROOFS["PRESET"]).encode()
    page.set_input_files("#open", {"name": "p.json", "mimeType": "application/json", "buffer": text})
    expect(page.locator("#verdict")).to_have_class("verdict failed")
    context.close()


def test_a_browser_without_scripts_is_told_what_to_do(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/verify/{TRUE.code}")
    expect(page.locator("#verdict")).to_contain_text("needs JavaScript")
    expect(page.locator("#draw")).to_be_hidden()
    context.close()


def test_on_paper_every_figure_is_there(page: Page, site: str) -> None:
    read(page, f"{site}/verify/{TRUE.code}")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.get_by_text(f"|{TRUE.list_hash}|{TRUE.link}|0")).to_be_visible()
    expect(page.locator("#save")).to_be_hidden()


# --- what the server gives ---


class Scripts(HTMLParser):
    """Collects what a page would run or fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline.append("script")
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]


@pytest.mark.parametrize("code", [*PROOFS, "NOBODY"])
def test_the_page_runs_and_fetches_nothing_foreign(site: str, code: str) -> None:
    answer = httpx.get(f"{site}/verify/{code.replace('/', '%2F')}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    scripts = Scripts(answer.text)
    assert scripts.inline == []
    assert all(address.startswith(("static/", "?lang=")) for address in scripts.addresses)


def test_the_document_is_the_canonical_proof_for_anybody(site: str) -> None:
    answer = httpx.get(f"{site}/verify/{TRUE.code}.json")
    assert answer.text == draws.proof_to_json(TRUE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert httpx.get(f"{site}/verify/NOBODY.json").status_code == 404


def test_an_unknown_code_is_answered_kindly_in_the_persons_language(site: str) -> None:
    english = httpx.get(f"{site}/verify/NOBODY")
    assert english.status_code == 404
    assert "There is no draw with the code NOBODY." in english.text
    amharic = httpx.get(f"{site}/verify/NOBODY", headers={"Accept-Language": "am-ET,en;q=0.5"})
    assert "NOBODY የሚል ኮድ" in amharic.text
    assert '<html lang="am">' in amharic.text
    wicked = httpx.get(f"{site}/verify/%3Cb%3E?lang=%22%3E")
    assert wicked.status_code == 404
    assert "<b>" not in wicked.text
    assert "&lt;b&gt;" in wicked.text


def test_only_the_pages_own_files_are_given_out(site: str) -> None:
    for name in ("page.html", "..%2Fverify.py", "nothing.js"):
        assert httpx.get(f"{site}/verify/static/{name}").status_code == 404
    answer = httpx.get(f"{site}/verify/static/page.js")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


# --- its sentences ---


def test_every_language_says_everything() -> None:
    english = verify.WORDS["en"]
    for words in verify.WORDS.values():
        assert words.keys() == english.keys()
        for key, sentence in words.items():
            assert sorted(re.findall(r"\{[a-z]+\}", sentence)) == sorted(re.findall(r"\{[a-z]+\}", english[key])), key
    for name in ALL_CHECKS:
        assert {f"{name}_title", f"{name}_ok", f"{name}_bad"} <= english.keys()
    used = set(re.findall(r"\bsay\.([a-z_]+)", (STATIC / "page.js").read_text()))
    used |= set(re.findall(r'data-say="([a-z_]+)"', (STATIC / "page.html").read_text()))
    assert used <= english.keys()


def test_a_draw_is_never_called_a_lottery() -> None:
    for words in verify.WORDS.values():
        for sentence in words.values():
            assert not re.search("lotter|ሎተሪ|lootirii", sentence, re.IGNORECASE)
