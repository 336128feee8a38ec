"""`./equb verify-draw`: what an operator sees of a proof, and what the exit status says."""

import io
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_draw import changes, proof_of_draw

from core.order import draw as draws
from ops.__main__ import main

TRUE = proof_of_draw()
GUIDE = (Path(__file__).resolve().parent.parent / "docs" / "draw.md").read_text()


def written(folder: Path, proof: draws.Proof) -> str:
    path = folder / "proof.json"
    path.write_text(draws.proof_to_json(proof))
    return str(path)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == f"/verify/{TRUE.code}.json"
            text = draws.proof_to_json(TRUE).encode() if known else b"nothing here"
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_true_proof_ends_with_its_lot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-draw", written(tmp_path, TRUE)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:-1]] == [["ok", c.name] for c in draws.verify(TRUE).checks]
    assert lines[-1] == f"the lot is {TRUE.lot}"


@pytest.mark.parametrize(("field", "proof"), changes(), ids=[name for name, _ in changes()])
def test_a_changed_proof_proves_no_lot(
    field: str, proof: draws.Proof, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify-draw", written(tmp_path, proof)]) == 1
    out = capsys.readouterr().out
    failed = [check.name for check in draws.verify(proof).checks if not check.ok]
    assert [line.split()[1] for line in out.splitlines() if line.startswith("FAILED")] == failed
    assert out.splitlines()[-1].startswith("NOT VERIFIED")
    assert "the lot is L" not in out


def test_a_test_beacon_is_named_in_the_terminal_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(TRUE, beacon=replace(TRUE.beacon, public_key="aa" * 96, chain="bb" * 32))
    main(["verify-draw", written(tmp_path, other)])
    assert "TEST BEACON" in capsys.readouterr().out


@pytest.mark.parametrize("address", [f"/verify/{TRUE.code}.json", f"/verify/{TRUE.code}?lang=am"])
def test_the_address_people_have_is_enough(site: str, address: str) -> None:
    assert main(["verify-draw", site + address]) == 0


def test_a_proof_may_be_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(draws.proof_to_json(TRUE)))
    assert main(["verify-draw", "-"]) == 0


def test_what_is_no_proof_is_one_clear_line(site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "other.json").write_text('{"version": "equb-draw-v9"}')
    unusable = [[], ["a", "b"], [str(tmp_path / "none.json")], [str(tmp_path)], [str(tmp_path / "bytes")]]
    unusable += [[str(tmp_path / "other.json")], [f"{site}/verify/NOBODY"], ["http://127.0.0.1:1/verify/A"]]
    unusable += [["http://"], ["http://[/"]]
    for arguments in unusable:
        assert main(["verify-draw", *arguments]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("equb: ")
        assert said.err.count("\n") == 1


# --- what the guide tells people to type ---


def of_the_guide(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found
    return found[1]


def by_hand(folder: Path, proof: draws.Proof) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", of_the_guide("python"), written(folder, proof)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_ten_lines_of_the_guide_prove_a_true_draw(tmp_path: Path) -> None:
    assert len(of_the_guide("python").splitlines()) == 10
    assert by_hand(tmp_path, TRUE) == (0, f"{TRUE.lot} {TRUE.record}\n")
    second = proof_of_draw(number=2, earlier=(TRUE.lot,))
    assert by_hand(tmp_path, second) == (0, f"{second.lot} {second.record}\n")


@pytest.mark.parametrize(
    ("field", "value"),
    [("lot", "L005"), ("link", "00" * 32), ("list_text", "L001\nL002\n"), ("frozen_hash", "00" * 32)],
)
def test_the_ten_lines_of_the_guide_stop_at_a_forged_one(tmp_path: Path, field: str, value: str) -> None:
    forged = replace(TRUE, **{field: value})  # type: ignore[arg-type]  # all four are text
    assert by_hand(tmp_path, forged)[0] != 0
    assert by_hand(tmp_path, draws.seal(forged))[0] != 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl: the guide's shell lines were not tried")
def test_the_shell_lines_of_the_guide_print_the_published_lot(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", of_the_guide("sh")], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "L002\n"
