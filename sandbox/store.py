"""The sandbox's memory on disk: one SQLite file, so that killing the process loses nothing answered.

Everything is read once at start into memory; afterwards the file is only written. It refuses to be
a database: there are no queries, just documents by kind and key, and the files people were sent.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS doc (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, mime TEXT NOT NULL, content BLOB NOT NULL
);
"""


class Store:
    """Documents (JSON objects) by (kind, key). Every write is committed before it returns."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # With WAL and NORMAL a commit is a write without fsync: it survives kill -9 of this process,
        # which is the promise; a power cut may cost the last moments of a development machine.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._depth = 0

    def close(self) -> None:
        """Close the file; a later write is a bug."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything written inside is kept, or nothing of it. Never await inside."""
        if self._depth == 0:
            self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("COMMIT")

    def put(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """Write or replace one document."""
        self._db.execute(
            "INSERT INTO doc VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (kind, key, json.dumps(body, ensure_ascii=False, separators=(",", ":"))),
        )

    def delete(self, kind: str, key: str) -> None:
        """Remove one document; an absent one is no error."""
        self._db.execute("DELETE FROM doc WHERE kind = ? AND key = ?", (kind, key))

    def load(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """All documents of a kind in the order of their keys."""
        for key, body in self._db.execute("SELECT key, body FROM doc WHERE kind = ? ORDER BY key", (kind,)):
            yield key, json.loads(body)

    def put_file(self, file_id: str, *, name: str, mime: str, content: bytes) -> None:
        """Keep a photo or document under its id."""
        self._db.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", (file_id, name, mime, content))

    def get_file(self, file_id: str) -> tuple[str, str, bytes] | None:
        """(name, mime type, content) of a kept file, or None."""
        row = self._db.execute("SELECT name, mime, content FROM file WHERE id = ?", (file_id,)).fetchone()
        return None if row is None else (row[0], row[1], row[2])


def number_key(number: int) -> str:
    """A key under which whole numbers sort as numbers."""
    return f"{number:015d}"
