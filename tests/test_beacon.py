"""The beacon client: any mirror will do, none is believed. Real HTTP servers on the loopback stand in."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog

from core.beacon import BeaconSource, fetch
from core.errors import TryLater
from core.order.draw import QUICKNET

Answer = Callable[[BaseHTTPRequestHandler], None]

SIGNATURE = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
RANDOMNESS = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
ROUND_1000 = {"round": 1000, "randomness": RANDOMNESS, "signature": SIGNATURE}

# A curve point in the right group that signs another message.
FOREIGN = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"


def answers(body: object, status: int = 200) -> Answer:
    """A mirror that gives this answer to whoever asks for round 1000 of quicknet, and 404 to others."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        known = request.path == f"/{QUICKNET.chain}/public/1000"
        request.send_response(status if known else 404)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    return answer


@contextmanager
def mirror(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def quicknet(*urls: str) -> BeaconSource:
    return BeaconSource(
        urls=urls,
        chain=QUICKNET.chain,
        public_key=QUICKNET.public_key,
        genesis=QUICKNET.genesis,
        period_seconds=QUICKNET.period_seconds,
    )


NOBODY = "http://127.0.0.1:1"

LIES: dict[str, object] = {
    "another round": {**ROUND_1000, "round": 999},
    "randomness is not the hash of the signature": {**ROUND_1000, "randomness": "00" * 32},
    "wrong signature": {
        "round": 1000,
        "signature": FOREIGN,
        "randomness": hashlib.sha256(bytes.fromhex(FOREIGN)).hexdigest(),
    },
    "not a round": {"error": "none"},
    "not JSON": b"<html>",
    "answer too long": b" " * 5_000,
}


async def test_a_genuine_round_is_handed_out() -> None:
    with mirror(answers(ROUND_1000)) as url:
        beacon = await fetch(quicknet(url + "/"), 1000)
    assert (beacon.round, beacon.randomness.hex(), beacon.signature.hex()) == (1000, RANDOMNESS, SIGNATURE)


@pytest.mark.parametrize(("reason", "lie"), LIES.items(), ids=list(LIES))
async def test_a_lying_mirror_is_logged_and_the_next_is_asked(reason: str, lie: object) -> None:
    with (
        mirror(answers(lie)) as liar,
        mirror(answers(ROUND_1000)) as honest,
        structlog.testing.capture_logs() as logs,
    ):
        beacon = await fetch(quicknet(liar, honest), 1000)
    assert beacon.randomness.hex() == RANDOMNESS
    assert logs == [
        {
            "event": "beacon_not_genuine",
            "log_level": "warning",
            "mirror": liar,
            "round": 1000,
            "reason": reason,
        }
    ]


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
async def test_nothing_is_better_than_a_lie(lie: object) -> None:
    with mirror(answers(lie)) as liar, pytest.raises(TryLater):
        await fetch(quicknet(liar), 1000)


async def test_a_dead_a_failing_and_a_silent_mirror_are_passed_over() -> None:
    go_on = threading.Event()

    def say_nothing(_: BaseHTTPRequestHandler) -> None:
        go_on.wait(10)

    with (
        mirror(answers({}, status=500)) as failing,
        mirror(say_nothing) as silent,
        mirror(answers(ROUND_1000)) as honest,
    ):
        try:
            beacon = await fetch(quicknet(NOBODY, failing, silent, honest), 1000, timeout_seconds=0.3)
        finally:
            go_on.set()
    assert beacon.randomness.hex() == RANDOMNESS


async def test_a_mirror_that_drips_does_not_hold_us_longer_than_a_silent_one() -> None:
    go_on = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not go_on.wait(0.05):
            request.wfile.write(b" ")

    with mirror(drip) as dripping, mirror(answers(ROUND_1000)) as honest:
        try:
            beacon = await fetch(quicknet(dripping, honest), 1000, timeout_seconds=0.4)
        finally:
            go_on.set()
    assert beacon.round == 1000


async def test_a_round_not_yet_published_is_for_later() -> None:
    with (
        mirror(answers(ROUND_1000)) as one,
        mirror(answers({}, status=425)) as two,
        pytest.raises(TryLater) as later,
    ):
        await fetch(quicknet(one, two), 1001)
    assert "status 404" in str(later.value)
    assert later.value.retry_seconds == 3.0


async def test_nobody_to_ask_is_for_later_too() -> None:
    for urls in [(), (NOBODY,), ("not a url",)]:
        with pytest.raises(TryLater):
            await fetch(quicknet(*urls), 1000, timeout_seconds=0.5)


async def test_a_beacon_of_ones_own_key_cannot_speak_for_drand() -> None:
    """A mirror's round is held against the configured key, not against one the mirror brings."""
    with mirror(answers({**ROUND_1000, "public_key": "aa" * 96})) as url:
        other = BeaconSource(urls=(url,), chain=QUICKNET.chain, public_key="aa" * 96, genesis=0, period_seconds=3)
        with pytest.raises(TryLater):
            await fetch(other, 1000)
