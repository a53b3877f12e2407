"""What the audit log costs: appending against bare SQLite inserts, verifying, proving, and telemetry's hot path.

    python -m benchmarks.audit [--entries 200000] [--folder DIR]

The folder should lie on the disk of which the figures are to tell.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.audit import tree
from appliance.audit.checkpoint import checkpoint_now
from appliance.audit.entry import Entry, Outcome, canonical
from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.audit.verify import verify
from appliance.store.database import Database
from appliance.telemetry.series import Telemetry

TIME = "2026-11-21T11:00:00.000Z"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=200_000, help="size of the log that is verified")
    parser.add_argument("--folder", type=Path, help="where the databases are made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for group in (1, 16, 100, 1_000):
            appending(folder / str(group), group)
        verifying(folder / "verify", options.entries)
        counting(folder)


def appending(folder: Path, group: int) -> None:
    """Rounds of both kinds take turns, so that a busy disk is busy for both."""
    folder.mkdir()
    rounds = 10
    commits = max(2, min(1_000, 20_000 // group) // rounds)
    bare = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE entries (idx INTEGER PRIMARY KEY, canonical BLOB NOT NULL) STRICT")
    data = canonical(entry(1))

    def insert() -> None:
        bare.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            bare.execute("INSERT INTO entries (canonical) VALUES (?)", (data,))
        bare.execute("COMMIT")

    with Database.open(folder / "appliance.sqlite3") as database:
        log = AuditLog(database)

        def append() -> None:
            with database.transaction() as tx:
                for number in range(group):
                    log.append(tx, entry(number))

        spent = {insert: 0.0, append: 0.0}
        for _ in range(rounds):
            for work in spent:
                spent[work] += timed(work, commits)
    bare.close()
    rows = rounds * commits * group
    print(
        f"append, {group:5} a commit: {rows / spent[append]:9,.0f} entries/s; bare inserts"
        f" {rows / spent[insert]:9,.0f} rows/s; ratio {spent[insert] / spent[append]:.2f}"
    )


def verifying(folder: Path, entries: int) -> None:
    folder.mkdir()
    key = DeviceKey.create(folder / "device-key.pem", "appliance/benchmark")
    with Database.open(folder / "appliance.sqlite3") as database:
        log = AuditLog(database)
        for start in range(0, entries, 10_000):
            with database.transaction() as tx:
                for number in range(start, min(start + 10_000, entries)):
                    log.append(tx, entry(number))
                checkpoint_now(tx, log, key, TIME)
        megabytes = (database.path.stat().st_size) / 1e6
        best = min(timed(lambda: verify(database, key.verifier).require_intact(), 1) for _ in range(3))
        print(f"verify: {entries / best:,.0f} entries/s ({entries:,} entries, {megabytes:.0f} MB, best of 3)")
        indices = range(0, entries, max(1, entries // 500))
        proving = timed(lambda: [log.inclusion_proof(index) for index in indices], 1) / len(indices)
        print(f"inclusion proof in {entries:,} entries: {proving * 1e3:.2f} ms")
        root, last = log.root(), entries - 1
        leaf = tree.leaf_hash(log.entry(last).canonical)
        assert tree.verify_inclusion(last, entries, leaf, log.inclusion_proof(last), root)  # noqa: S101


def counting(folder: Path) -> None:
    telemetry = Telemetry(folder / "telemetry.sqlite3")
    count = 200_000
    spent = timed(lambda: telemetry.record("line-inspection", 0.0123), count)
    print(f"telemetry: {spent / count * 1e6:.2f} µs a request")
    telemetry.close()


def entry(number: int) -> Entry:
    return Entry(
        time=TIME,
        time_source="clock",
        actor="ann",
        role="admin",
        session="s-7f3a",
        action="deploy",
        subject=f"line-inspection 1.0.{number}",
        subject_digest="sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        outcome=Outcome.OK,
        correlation="c-019a",
        details={"engine": "openvino CPU bf16 x2", "candidates": 7},
    )


def timed(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
