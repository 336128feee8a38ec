"""The only place that asks what time it is.

In production the clock is the machine's. In the sandbox an offset, in seconds, stands in a small file
(``EQUB_CLOCK_FILE``) that every process reads, so that the whole system can be moved weeks ahead at once.
Everything else takes the time as an argument.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_offset_cache: tuple[tuple[int, int], float] = ((0, 0), 0.0)


def _clock_file() -> str | None:
    return os.environ.get("EQUB_CLOCK_FILE")


def offset_seconds() -> float:
    """How far the sandbox clock is ahead of the machine's; 0.0 in production."""
    global _offset_cache
    path = _clock_file()
    if not path:
        return 0.0
    try:
        file = Path(path).stat()
        # Each move writes a new file: two within one tick of the file system's clock differ by their number.
        stamp = (file.st_mtime_ns, file.st_ino)
        if stamp != _offset_cache[0]:
            _offset_cache = (stamp, float(Path(path).read_text() or 0))
    except FileNotFoundError:
        return 0.0
    return _offset_cache[1]


def now() -> datetime:
    """The present instant, in UTC, with offset."""
    return datetime.now(UTC) + timedelta(seconds=offset_seconds())


def set_to(instant: datetime) -> None:
    """Move the sandbox clock so that ``now()`` is ``instant``; it runs on from there.

    Raises ``RuntimeError`` where no clock file is set: a production clock cannot be moved.
    """
    path = _clock_file()
    if not path:
        raise RuntimeError("the clock can only be moved in the sandbox (EQUB_CLOCK_FILE is not set)")
    _write(path, (instant - datetime.now(UTC)).total_seconds())


def _write(path: str, offset: float) -> None:
    target = Path(path)
    fresh = target.with_name(target.name + ".new")
    fresh.write_text(f"{offset:.6f}")
    fresh.replace(target)
