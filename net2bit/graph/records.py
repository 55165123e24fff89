"""What the store remembers, in SQLite: one record per stage key, the memo of file digests, start markers and history.

The journal is a WAL, so readers never wait, and every finished stage is one transaction. `synchronous=NORMAL` is enough: a
killed process loses nothing, a power cut may lose the last transactions but never tears one, and a lost record only means that
its stage is checked against nothing and built again (the files themselves are synced before their record is written).
"""

import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from net2bit.errors import StoreError
from net2bit.graph.tables import INSERT, TABLES, VERSION

if TYPE_CHECKING:
    from net2bit.graph.exchange import Finding

PATIENCE: Final = 60.0  # seconds to wait for another process's transaction; one lasts milliseconds

_MANY: Final = 5000  # remembered files: reading them at the start takes some 5 ms
_TORN: Final = "no such"  # a table or column that should be there: not ours, or half of ours
_UNWRITABLE: Final = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR")

Row = tuple[Any, ...]


class Record(NamedTuple):
    """A finished stage.

    Attributes:
        key: The stage key: the base, and the code that only the run itself could find.
        base: The part of the key that is known before anything runs.
        extra: Canonical JSON of `[[path, digest], …]`: code found by the run and not by reading imports; empty where there is none.
        outs: The outputs' digests, in the order of the stage's outputs, blank-separated.
    """

    key: str
    base: str
    extra: str
    outs: str


@dataclass
class Snapshot:
    """Everything a check needs, read in one go when the store opens."""

    files: dict[str, Row] = field(default_factory=dict)
    trees: dict[str, Row] = field(default_factory=dict)
    code: dict[str, Row] = field(default_factory=dict)
    probes: dict[str, Row] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)
    markers: dict[str, Row] = field(default_factory=dict)


def _to_wal(db: sqlite3.Connection) -> None:
    """Switch the journal; two processes that do so at once get in each other's way, without SQLite's own patience."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as fault:
            if not fault.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _load(db: sqlite3.Connection) -> Snapshot:
    read = db.execute
    found = Snapshot(
        files={row[0]: row for row in read("SELECT * FROM files")},
        trees={row[0]: row for row in read("SELECT * FROM trees")},
        code={row[0]: row for row in read("SELECT * FROM code")},
        probes={row[0]: row for row in read("SELECT * FROM probes")},
        markers={row[0]: row for row in read("SELECT * FROM markers")},
    )
    for row in read("SELECT key, base, extra, outs FROM records ORDER BY made DESC"):
        found.records.setdefault(row[1], []).append(Record(*row))
    return found


def _say(text: str) -> None:
    sys.stderr.write(f"net2bit: {text}\n")


class Records:
    """The store's memory. Threads share one connection under a lock; a forked process opens its own."""

    def __init__(self, path: Path, notice: Callable[[str], None] = _say) -> None:
        """Open *path*, or make it; a damaged file is moved aside and said so, which costs rebuilds and nothing else.

        Raises:
            StoreError: The file was written by a newer net2bit, or cannot be opened at all.
        """
        self.path = path
        self._notice = notice
        self._lock = threading.RLock()
        self._queue: list[tuple[str, Row]] = []
        self._pid = os.getpid()
        self._obstacle = ""
        try:
            self._db, self.snapshot = self._start()
        except sqlite3.DatabaseError as damage:
            if isinstance(damage, sqlite3.OperationalError) and not str(damage).startswith(_TORN):
                raise self._unusable(damage) from damage
            self._set_aside(damage)
            self._db, self.snapshot = self._start()

    def _start(self) -> tuple[sqlite3.Connection, Snapshot]:
        db = self._open()
        try:
            return db, _load(db)
        except sqlite3.DatabaseError:
            db.close()
            raise

    @property
    def readonly(self) -> bool:
        """Whether nothing can be remembered: the folder cannot be written."""
        return bool(self._obstacle)

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = self._connect(str(self.path))
        except (OSError, sqlite3.OperationalError) as fault:
            return self._open_readonly(fault)
        try:
            _to_wal(db)
            db.execute("PRAGMA synchronous=NORMAL")
            self._migrate(db)
        except sqlite3.OperationalError as fault:
            db.close()
            if fault.sqlite_errorname.startswith(_UNWRITABLE):
                return self._open_readonly(fault)
            raise
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _open_readonly(self, obstacle: Exception) -> sqlite3.Connection:
        """Open without touching anything: what is up to date stays so in a tree that cannot be written."""
        self._obstacle = str(obstacle)
        if self.path.exists():
            from urllib.parse import quote  # noqa: PLC0415 - only here

            return self._connect(f"file:{quote(str(self.path))}?mode=ro&immutable=1")
        db = self._connect(":memory:")
        self._migrate(db)
        return db

    def _connect(self, name: str) -> sqlite3.Connection:
        return sqlite3.connect(name, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=name.startswith("file:"))

    def _migrate(self, db: sqlite3.Connection) -> None:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            raise StoreError(
                f"the records were written by a newer net2bit (format {found}, this one knows {VERSION})",
                where=str(self.path),
                remedy="use that version, or remove the file: every stage is then checked and built again",
            )
        if found < VERSION:
            self._create(db)

    def _create(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone() == (0,):  # nobody else was faster
            for statement in TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")

    def _set_aside(self, damage: sqlite3.Error) -> None:
        away = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        try:
            for tail in ("", "-wal", "-shm"):
                part = self.path.with_name(self.path.name + tail)
                if part.exists():
                    part.rename(away.with_name(away.name + tail))
        except OSError as fault:
            raise self._unusable(fault) from fault
        self._notice(f"the records were damaged ({damage}); moved to {away}, stages are built again or taken from the cache")

    def _unusable(self, fault: Exception) -> StoreError:
        if "disk is full" in str(fault):
            return StoreError("the disk is full", where=str(self.path), remedy="make room and run again: what is finished is kept")
        return StoreError(
            f"the records cannot be used: {fault}",
            where=str(self.path),
            remedy="check the disk and the permissions of this folder; removing the file costs rebuilds and nothing else",
        )

    def _connection(self) -> sqlite3.Connection:
        if self._pid != os.getpid():  # an SQLite connection must not cross a fork
            self._pid, self._queue = os.getpid(), []
            self._db = self._open()
        return self._db

    @contextmanager
    def _guard(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection()
            except sqlite3.Error as fault:
                raise self._unusable(fault) from fault

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a query."""
        with self._guard() as db:
            return db.execute(sql, tuple(values)).fetchall()

    def later(self, table: str, row: Row) -> None:
        """Keep a memo row for the next transaction (or `close`): losing it costs a second look at a file."""
        with self._lock:
            self._queue.append((INSERT[table], row))

    def unmark(self, target: str) -> None:
        """Drop the start marker of a build that is dead, with the next transaction."""
        self.snapshot.markers.pop(target, None)
        with self._lock:
            self._queue.append(("DELETE FROM markers WHERE target=?", (target,)))

    def write(self, rows: Iterable[tuple[str, Row]], *, unmark: str = "") -> None:
        """Write *rows* (table, values) in one transaction, with all that waits; *unmark* drops the start marker of that target.

        Raises:
            StoreError: The disk is full, read-only, or the file is damaged; nothing of the transaction is kept then.
        """
        with self._guard() as db:
            if self._obstacle:
                raise self._unusable(OSError(self._obstacle))
            queue, self._queue = self._queue, []
            db.execute("BEGIN IMMEDIATE")
            try:
                for sql, row in queue:
                    db.execute(sql, row)
                for table, row in rows:
                    db.execute(INSERT[table], row)
                if unmark:
                    db.execute("DELETE FROM markers WHERE target=?", (unmark,))
                db.execute("COMMIT")
            except sqlite3.Error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def prune(self, exists: Callable[[str], bool]) -> None:
        """Forget the digests of files that are gone, where there are so many that reading them takes time."""
        if len(self.snapshot.files) + len(self.snapshot.trees) < _MANY:
            return
        for table, known in (("files", self.snapshot.files), ("trees", self.snapshot.trees), ("code", self.snapshot.code)):
            for path in [path for path in known if not exists(path)]:
                del known[path]
                with self._lock:
                    self._queue.append((f"DELETE FROM {table} WHERE path=?", (path,)))  # noqa: S608 - own words
        with self._lock:
            self._queue.append(("DELETE FROM members WHERE tree NOT IN (SELECT path FROM trees)", ()))

    def refresh(self, base: str, target: str) -> None:
        """Read again what another process may have written about the stage key *base* and about *target*."""
        rows = self.ask("SELECT key, base, extra, outs FROM records WHERE base=? ORDER BY made DESC", (base,))
        self.snapshot.records[base] = [Record(*row) for row in rows]
        marks = self.ask("SELECT * FROM markers WHERE target=?", (target,))
        if marks:
            self.snapshot.markers[target] = marks[0]
        else:
            self.snapshot.markers.pop(target, None)

    def learn(self, found: Iterable["Finding"]) -> bool:
        """Take over what other hosts finished, where that is news; returns whether it was."""
        news = [one for one in found if Record(*one.record[:4]) not in self._known(one.record[1])]
        for record, _ in news:
            mine = [one for one in self._known(record[1]) if one.key != record[0]]
            self.snapshot.records[record[1]] = [Record(*record[:4]), *mine]
        if news and not self.readonly:
            rows = [("history", history) for _, history in news] + [("records", record) for record, _ in news]
            with suppress(StoreError):  # a full disk: it is learnt again the next time
                self.write([*rows, *(("placed", (record[4], record[0], record[7])) for record, _ in news if self._is_last(record))])
        return bool(news)

    def _known(self, base: str) -> list[Record]:
        return self.snapshot.records.get(base, [])

    def _is_last(self, record: Row) -> bool:
        """Return whether nothing newer was put where the record's products went."""
        return not self.ask("SELECT 1 FROM placed WHERE target=? AND at>?", (record[4], record[7]))

    def manifest(self, key: str) -> dict[str, Any] | None:
        """Return the manifest of a record, None where there is none."""
        rows = self.ask("SELECT manifest FROM records WHERE key=?", (key,))
        return json.loads(rows[0][0]) if rows else None

    def close(self) -> None:
        """Write what waits and close; a memo that cannot be written is dropped."""
        with self._lock:
            if self._pid != os.getpid():
                return
            if self._queue and not self.readonly:
                try:
                    self.write(())
                except StoreError:
                    self._queue = []
            self._db.close()
