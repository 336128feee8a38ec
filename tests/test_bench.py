"""The measurements themselves: a run of seconds of each, on servers of their own, so that none of them rots.

Their figures mean nothing here; that they ran through means that what they prove afterwards held.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import ledger
from bench.__main__ import NAMES
from bench.figures import Figure, NotKept, digits, lines, percentile, prove
from ops.commands.bench import ON_ONE_MACHINE
from ops.places import Place

ROOT = Path(__file__).resolve().parent.parent
Figures = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """What a quick run of everything on one machine wrote."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--figures", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    return {figure["name"]: figure for figure in json.loads(file.read_text())}


def test_every_command_is_measured_on_every_channel(figures: Figures) -> None:
    for command in ("STATUS", "PAY", "CASH", "ROUND", "WHO", "HELP"):
        for channel in ("telegram", "http", "twilio"):
            measured = figures[f"{command} by {channel}"]
            assert measured["value"] > 0
            assert measured["ratio"] == pytest.approx(measured["value"] / 15)


def test_every_command_says_how_many_statements_it_takes(figures: Figures) -> None:
    for command in ("STATUS", "PAY", "CASH", "ROUND", "WHO", "HELP"):
        statements = float(figures[f"{command}: processor in our process"]["note"].split()[0])
        assert 5 < statements < 60


def test_commands_sent_twice_at_once_to_two_processes_are_done_once(figures: Figures) -> None:
    assert figures["unique commands, each sent twice"]["value"] > 0
    assert figures["lost, done twice, or in the wrong book"]["note"].endswith("proven")


def test_what_each_command_reads_late_in_a_cycle_is_told_in_pages(figures: Figures) -> None:
    for what in ("STATUS", "PAY", "CASH for a claim", "CASH", "ROUND", "WHO", "paying a pot out"):
        read = figures[f"{what}, after 2 rounds"]
        assert read["unit"] == "pages"
        assert 10 < read["value"] < 5_000


def test_a_small_cycle_through_the_webhooks_ends_with_every_share_paid(figures: Figures) -> None:
    money = figures["case A: in and out"]
    assert money["value"] == 4 * 4 * 1000
    assert "every holder the share; 4 draws verify" in money["note"]


def test_each_step_of_a_groups_life_is_timed(figures: Figures) -> None:
    for step in ("opening a round", "freezing the list", "drawing", "closing the cycle"):
        assert figures[f"{step}, 9 members"]["value"] > 0
    assert figures["a contribution, posted in bulk by the round"]["value"] > 0


async def _measure_ledger(place: Place) -> None:
    bench = await ledger.prepare(place, 0.02)
    try:
        rates = await ledger.by_turns(bench, (ledger.bare_alone(bench), False, 2), (ledger.ours_alone(bench), True, 2))
        assert all(rate > 0 for rate in rates)
        await ledger.measure_reading(bench, rounds=2, members=10)
    finally:
        await bench.engine.dispose()
        for connection in bench.connections:
            await connection.close()


def test_the_ledger_is_measured_against_a_bare_one(capsys: pytest.CaptureFixture[str]) -> None:
    with ledger.server() as place:
        asyncio.run(_measure_ledger(place))
    assert "what a round's dues have been paid" in capsys.readouterr().out


def test_the_command_knows_every_measurement() -> None:
    assert ON_ONE_MACHINE == NAMES


def test_a_promise_that_did_not_hold_is_named() -> None:
    prove(held=True, promise="nothing is lost")
    with pytest.raises(NotKept, match="nothing is lost"):
        prove(held=False, promise="nothing is lost")


def test_percentiles_are_values_that_were_seen() -> None:
    seen = [float(value) for value in range(1, 101)]
    assert [percentile(seen, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0


def test_the_table_shows_figure_unit_ratio_and_what_it_is_held_against() -> None:
    table = lines([Figure("HELP", 7.5, "ms", 0.5, "goal 15", "p95 9"), Figure("in and out", 14_400_000, "birr")])
    assert table[1].split() == ["HELP", "7.50", "ms", "0.50", "goal", "15", "p95", "9"]
    assert table[2].split() == ["in", "and", "out", "14,400,000", "birr"]
    assert [digits(value) for value in (0.0, 0.123, 12.34, 1234.5)] == ["0", "0.12", "12.3", "1,234"]


def test_a_measurement_that_is_none_is_one_line_and_status_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops", "bench", "comands"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no measurement 'comands'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
