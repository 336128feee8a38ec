"""Child processes: how one is described, started and ended so that nothing of it is left behind.

Owns: sessions, death signals, log files, and ending a whole process group.
Refuses: to know what the processes do, and to restart them (`ops.supervise` decides that).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Account:
    """An operating system user that a child runs as (None in a Program means: ours)."""

    user_id: int
    group_id: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """One child as it should run. `stop_signal` is also what it gets when we die without a word."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0


def _bind_to_parent(parent_id: int, stop_signal: int) -> Callable[[], None]:
    """What the child does between fork and exec: ask the kernel to be ended when its parent dies.

    It runs after the change of user, which would clear the request again.
    """

    def bind() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
            if os.getppid() != parent_id:  # the parent died before we could ask
                os._exit(1)

    return bind


def start(program: Program) -> subprocess.Popen[bytes]:
    """Start it in its own session (Ctrl-C reaches only us) with its output appended to its log.

    Call it from the main thread: the kernel sends the death signal when the *thread* that forked ends.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    as_account: dict[str, object] = {}
    if program.account is not None:
        as_account = {
            "user": program.account.user_id,
            "group": program.account.group_id,
            "extra_groups": (),
        }
    with program.log.open("ab", buffering=0) as log:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # the optional user arguments
            program.command,
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_bind_to_parent(os.getpid(), program.stop_signal),
            **as_account,
        )


def stop(process: subprocess.Popen[bytes], program: Program) -> bool:
    """End it and everything it started; True when it went in time and by itself."""
    in_time = True
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        try:
            process.wait(program.stop_seconds)
        except subprocess.TimeoutExpired:
            in_time = False
    end_group(process.pid)
    process.wait()
    return in_time


def end_group(group_id: int) -> None:
    """Kill what is left of a child's process group (its own children, when it died before them)."""
    try:
        os.killpg(group_id, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def started_at(process_id: int) -> str | None:
    """The kernel's start mark of a live process; with the id it names a process for good. None: gone.

    Empty where the system does not tell (no /proc).
    """
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        if sys.platform == "linux":
            return None
        return "" if _is_alive(process_id) else None
    # The name in parentheses may hold spaces and parentheses; fields count from the last one.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_leftover(process_id: int, mark: str, *, stop_signal: int, seconds: float) -> None:
    """End a process that an earlier run left behind: politely, then for good; not one that took its id."""
    if not mark or started_at(process_id) != mark:
        return
    os.kill(process_id, stop_signal)
    deadline = time.monotonic() + seconds
    while started_at(process_id) == mark:
        if time.monotonic() > deadline:
            end_group(process_id)
            return
        time.sleep(0.02)


def end_orphans(group_id: int, sign: str) -> None:
    """Kill what still lives in the group of a child that is gone, where `sign` stands in its environment.

    The sign keeps us off strangers: a group's number may have been given to another one meanwhile.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            process_id = int(folder.name)
            if os.getpgid(process_id) != group_id:
                continue
            if os.fsencode(sign) in (folder / "environ").read_bytes():
                os.kill(process_id, signal.SIGKILL)
        except OSError:
            continue
