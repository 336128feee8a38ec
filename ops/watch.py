"""Children that are kept running: started, looked after, started again when they die, ended in order.

Owns: the crash count and back-off of each child, its leftovers, and showing its warnings on the terminal.
Refuses: to know what the children are (`ops.supervise` does) and to hide that one cannot run.
"""

from __future__ import annotations

import json
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops import process
from ops.embedded import last_line
from ops.errors import CannotStart
from ops.places import write_private
from ops.process import Program

CRASH_WINDOW_SECONDS = 60.0
CRASHES_ALLOWED = 5
FIRST_PAUSE_SECONDS = 0.5
_LOG_BYTES_KEPT = 20_000_000
_LOUD = re.compile(
    r"\b(WARNING|ERROR|CRITICAL|FATAL|PANIC)\b"
    r'|"level": ?"(warning|error|critical)"|\[(warning|error|critical) *\]'
)
# PostgreSQL calls every refused statement an error; only these are about the server itself.
_LOUD_SERVERS = {
    "postgresql": re.compile(r"\b(PANIC|FATAL):(?!.*(terminating connection|starting up|shutting down|recovery))"),
    # It also complains about kernel settings that only matter to large ones.
    "valkey": re.compile(r"MISCONF|No space left|Error writing|Bad file format|OOM"),
}


class Stopped(Exception):
    """A signal asked us to end."""


@dataclass
class Child:
    """One child: what it is, the process that is it now, and how it has fared."""

    program: Program
    before_start: Callable[[], None]
    process: subprocess.Popen[bytes] | None = None
    crashes: deque[float] = field(default_factory=deque)
    start_again_at: float = 0.0
    log_read: int = 0
    in_traceback: bool = False
    last_shown: str = ""


def say(text: str) -> None:
    """A line for the person at the terminal; nobody reading must not stop us."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115, PTH123  # the reader went away, for good


class Watch:
    """All children of this process and the signals that end it. Use it from the main thread only."""

    def __init__(self, home: Path) -> None:
        self._record = home / "children.json"
        self.children: dict[str, Child] = {}
        self._signal: int | None = None
        self._wake, writer = socket.socketpair()
        for end in (self._wake, writer):
            end.setblocking(False)
        self._writer = writer
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._remember)
        # Under nohup the terminal may go and we stay.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._remember)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake up at once

    def _remember(self, number: int, _frame: object) -> None:
        self._signal = number

    def end_leftovers(self) -> None:
        """End what a supervisor that was killed left behind. Only for the holder of the state folder."""
        try:
            left: dict[str, list[object]] = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return
        for pid, mark, number in left.values():
            process.end_leftover(int(str(pid)), str(mark), stop_signal=int(str(number)), seconds=15)
            process.end_orphans(int(str(pid)), str(self._record.parent))
        self._record.unlink(missing_ok=True)

    def pause(self, seconds: float) -> None:
        """Wait that long, less when a child ends. Raises Stopped when we were asked to end."""
        if self._signal is None:
            select.select([self._wake], [], [], seconds)
            try:
                while self._wake.recv(512):
                    pass
            except BlockingIOError:
                pass
        if self._signal is not None:
            raise Stopped(signal.Signals(self._signal).name)

    def start(self, program: Program, *, before_start: Callable[[], None] = lambda: None) -> Child:
        """Start a child for the first time; its log goes on where an earlier run ended."""
        _keep_log_short(program.log)
        size = program.log.stat().st_size if program.log.exists() else 0
        child = self.children[program.name] = Child(program, before_start, log_read=size)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        child.before_start()
        child.process = process.start(child.program)
        self._write_record()

    def _write_record(self) -> None:
        alive = {
            name: [child.process.pid, process.started_at(child.process.pid), int(child.program.stop_signal)]
            for name, child in self.children.items()
            if child.process is not None
        }
        write_private(self._record, json.dumps(alive))

    def look_after(self, *, crashes_allowed: int = CRASHES_ALLOWED) -> None:
        """Show what children warned of; start the dead again. Raises CannotStart when one keeps dying."""
        now = time.monotonic()
        for name, child in self.children.items():
            self._show_warnings(child)
            if child.process is None:
                if now >= child.start_again_at:
                    self._launch(child)
            elif child.process.poll() is not None:
                self._bury(child, name, now, crashes_allowed)

    def _bury(self, child: Child, name: str, now: float, crashes_allowed: int) -> None:
        gone = child.process
        if gone is None:
            return
        process.end_group(gone.pid)
        child.process = None
        child.crashes.append(now)
        while now - child.crashes[0] > CRASH_WINDOW_SECONDS:
            child.crashes.popleft()
        how = _ending(gone.returncode)
        if len(child.crashes) > crashes_allowed:
            count = len(child.crashes)
            times = "" if count == 1 else f"{count} times in a minute, the last time "
            raise CannotStart(f"{name} ended {times}{how}: {last_line(child.program.log)} (see {child.program.log})")
        pause_seconds = FIRST_PAUSE_SECONDS * 2 ** (len(child.crashes) - 1)
        child.start_again_at = now + pause_seconds
        say(f"equb: {name} ended {how}; starting it again in {pause_seconds:g} s")

    def wait(
        self,
        answers: Callable[[], bool],
        *,
        what: Callable[[], str],
        seconds: float,
        pause_seconds: float = 0.05,
        crashes_allowed: int = 0,
    ) -> None:
        """Wait until it answers, looking after all children. Raises CannotStart when that takes too long."""
        deadline = time.monotonic() + seconds
        while not answers():
            self.look_after(crashes_allowed=crashes_allowed)
            if time.monotonic() > deadline:
                raise CannotStart(f"{what()} was not ready within {seconds:.0f} s")
            self.pause(pause_seconds)

    def finish(self, program: Program, *, seconds: float) -> None:
        """Run a program that ends by itself. Raises CannotStart with its last line when it fails."""
        _keep_log_short(program.log)
        step = process.start(program)
        try:
            deadline = time.monotonic() + seconds
            while step.poll() is None:
                if time.monotonic() > deadline:
                    raise CannotStart(f"{program.name} was not done after {seconds:.0f} s (see {program.log})")
                self.look_after(crashes_allowed=0)
                self.pause(0.1)
        finally:
            process.stop(step, program)
        if step.returncode != 0:
            raise CannotStart(
                f"{program.name} failed: {last_line(program.log)} (see {program.log})",
                status=2 if step.returncode == 2 else 1,
            )

    def stop_all(self, order: tuple[str, ...]) -> None:
        """End every child in this order; further signals wait until that is done."""
        for name in order:
            child = self.children.get(name)
            if child is None or child.process is None:
                continue
            if not process.stop(child.process, child.program):
                say(f"equb: {name} did not end within {child.program.stop_seconds:g} s and was killed")
            child.process = None
        self._record.unlink(missing_ok=True)

    def _show_warnings(self, child: Child) -> None:
        """Put new loud lines of a child's log on the terminal, tracebacks whole."""
        log = child.program.log
        try:
            if log.stat().st_size <= child.log_read:
                return
            with log.open("rb") as lines:
                lines.seek(child.log_read)
                fresh = lines.read(1_000_000)
        except OSError:
            return
        whole = fresh.rpartition(b"\n")[0]
        child.log_read += len(whole) + (1 if whole or fresh.startswith(b"\n") else 0)
        loud = _LOUD_SERVERS.get(child.program.name, _LOUD)
        for line in whole.decode("utf-8", "replace").splitlines():
            if line.startswith("Traceback "):
                child.in_traceback = True
            elif child.in_traceback and line[:1] not in (" ", ""):
                child.in_traceback = False
                say(f"{child.program.name}: {line}")
                continue
            # The same complaint again and again (but for its time) is one line here; the log has them all.
            sameness = re.sub(r"\d+", "", line)
            if child.in_traceback or (loud.search(line) and sameness != child.last_shown):
                child.last_shown = sameness
                say(f"{child.program.name}: {line}")


def _ending(status: int) -> str:
    if status < 0:
        try:
            return f"by {signal.Signals(-status).name}"
        except ValueError:
            return f"by signal {-status}"
    return f"with status {status}"


def _keep_log_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_suffix(".log.1"))
