"""One writer of the state at a time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.store.lock import StateLock

HOLDER = """
import sys, time
from pathlib import Path
from appliance.store.lock import StateLock
lock = StateLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_refused_and_told_who_holds_the_state(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    with pytest.raises(ApplianceError, match=f"process {holder.pid} ") as caught:
        StateLock.acquire(tmp_path)
    assert caught.value.code == "state.in-use"


def test_a_killed_holder_holds_nothing(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with StateLock.acquire(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_what_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    first = StateLock.acquire(tmp_path)
    first.release()
    first.release()
    with StateLock.acquire(tmp_path), pytest.raises(ApplianceError) as caught:
        StateLock.acquire(tmp_path)
    assert caught.value.code == "state.in-use"
    StateLock.acquire(tmp_path).release()


def test_a_started_program_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = StateLock.acquire(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as child:
        lock.release()
        StateLock.acquire(tmp_path).release()
        child.communicate(b"\n")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError) as caught:
        StateLock.acquire(tmp_path / "gone")
    assert caught.value.code == "database.unreadable"
