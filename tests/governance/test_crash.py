"""Power cuts, as far as a test can make them: a process killed in the middle of its transactions."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.audit.checkpoint import latest
from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.audit.verify import verify
from appliance.store import settings
from appliance.store.database import Database
from appliance.store.lock import StateLock
from tests.governance.evidence import Evidence, entry

WRITER = """
import sys
from pathlib import Path
from appliance.audit.checkpoint import checkpoint_now
from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.store import settings
from appliance.store.database import Database
from appliance.store.lock import StateLock
from tests.governance.evidence import TIME, entry

folder = Path(sys.argv[1])
with StateLock.acquire(folder), Database.open(folder / "appliance.sqlite3") as database:
    log, key = AuditLog(database), DeviceKey.load(folder / "device-key.pem", "appliance/box-7")
    number = log.size()
    while True:
        with database.transaction() as tx:
            settings.write(tx, "number", number)
            log.append(tx, entry(f"number {number}"))
            if number % 5 == 0:
                checkpoint_now(tx, log, key, TIME)
        print(number, flush=True)
        number += 1
"""


def test_whatever_moment_a_writer_is_killed_at_the_log_verifies_and_matches_the_state(tmp_path: Path) -> None:
    key = DeviceKey.create(tmp_path / "device-key.pem", "appliance/box-7")
    for delay in (0.0, 0.003, 0.011, 0.027, 0.05):
        told = committed_before_the_kill(tmp_path, delay)
        with StateLock.acquire(tmp_path), Database.open(tmp_path / "appliance.sqlite3") as database:
            database.check()
            result = verify(database, key.verifier)
            result.require_intact()
            assert result.size >= told + 1
            assert settings.read(database, "number") == result.size - 1
            newest = latest(database)
            assert newest is not None
            assert newest.size == (result.size - 1) // 5 * 5 + 1


def committed_before_the_kill(folder: Path, delay: float) -> int:
    """The last number whose transaction the writer had reported when it was killed."""
    command = [sys.executable, "-c", WRITER, str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        whole = [line for line in [first, *writer.stdout] if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    return int(whole[-1])


def test_the_log_goes_on_after_a_rollback_in_another_object_of_the_same_log(evidence: Evidence) -> None:
    evidence.grow(2)
    other = AuditLog(evidence.database)
    with evidence.database.transaction() as tx:
        assert other.append(tx, entry("by another")) == 2
    evidence.grow(3)
    result = verify(evidence.database, evidence.key.verifier)
    assert result.intact
    assert result.size == 6


def test_two_objects_in_one_transaction_would_break_the_tree_and_are_refused(evidence: Evidence) -> None:
    other = AuditLog(evidence.database)
    with evidence.database.transaction() as tx:
        evidence.log.append(tx, entry("one"))
        other.append(tx, entry("two"))
        with pytest.raises(sqlite3.IntegrityError):
            evidence.log.append(tx, entry("three"))
