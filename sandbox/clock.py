"""What time it is in the simulated world: the real time plus the offset written in one small file.

Owns nothing but the reading: only the system under development writes the file.
"""

import time
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Simulated time. A missing or unreadable file is an offset of zero seconds."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._seen: tuple[int, int, int] | None = None
        self._offset_seconds = 0.0

    def _offset(self) -> float:
        if self._path is None:
            return 0.0
        try:
            stat = self._path.stat()
        except OSError:
            self._seen, self._offset_seconds = None, 0.0
            return 0.0
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            # A file caught half written keeps the last good offset and is read again at the next call.
            try:
                self._offset_seconds = float(self._path.read_text("ascii").strip() or 0)
                self._seen = seen
            except (OSError, ValueError):
                pass
        return self._offset_seconds

    def unix_seconds(self) -> float:
        """Seconds since 1970 in simulated time."""
        return time.time() + self._offset()

    def now(self) -> datetime:
        """The simulated instant, in UTC."""
        return datetime.fromtimestamp(self.unix_seconds(), UTC)

    def stamp(self) -> str:
        """The simulated instant as RFC 3339 with offset, to the second."""
        return self.now().isoformat(timespec="seconds")
