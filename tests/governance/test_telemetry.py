"""Telemetry: right while all is well, and no trouble to anybody when its file is not."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.telemetry import series
from appliance.telemetry.rollups import Rollup
from appliance.telemetry.series import OTHER, Telemetry

START = 1_790_000_000.0 // 60 * 60


class Clock:
    """Both of the machine's clocks, moved by hand."""

    def __init__(self) -> None:
        self.monotonic = 5_000.0
        self.wall = START

    def move(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "telemetry.sqlite3"


@pytest.fixture
def telemetry(path: Path, clock: Clock) -> Iterator[Telemetry]:
    made = opened(path, clock)
    yield made
    made.close()


def opened(path: Path, clock: Clock, size_limit: int = 10**9) -> Telemetry:
    return Telemetry(path, monotonic=lambda: clock.monotonic, wall=lambda: clock.wall, size_limit=size_limit)


def test_traffic_is_that_of_the_last_sixty_whole_seconds(telemetry: Telemetry, clock: Clock) -> None:
    for second in range(90):
        for _ in range(second + 1):
            telemetry.record("line-inspection", 0.010)
        clock.move(1)
    traffic = telemetry.traffic("line-inspection")
    assert traffic.history == tuple(float(count) for count in range(31, 91))
    assert traffic.requests_per_second == sum(range(31, 91)) / 60
    assert traffic.errors == 0


def test_the_second_that_is_still_running_is_not_counted_yet(telemetry: Telemetry, clock: Clock) -> None:
    telemetry.record("line-inspection", 0.010)
    assert sum(telemetry.traffic("line-inspection").history) == 0
    assert sum(telemetry.traffic("line-inspection", clock.monotonic + 1).history) == 1


def test_latencies_are_those_of_requests_that_went_well(telemetry: Telemetry, clock: Clock) -> None:
    for _ in range(99):
        telemetry.record("line-inspection", 0.010)
    telemetry.record("line-inspection", 0.500)
    for _ in range(100):
        telemetry.record("line-inspection", 0.000_1, "worker.died")
    clock.move(1)
    traffic = telemetry.traffic("line-inspection")
    assert traffic.p50_seconds == pytest.approx(0.010, rel=0.02)
    assert traffic.p99_seconds == pytest.approx(0.010, rel=0.02)
    assert traffic.errors == 100
    clock.move(60)
    assert telemetry.traffic("line-inspection").p50_seconds is None


def test_a_deployment_without_requests_has_quiet_traffic(telemetry: Telemetry) -> None:
    traffic = telemetry.traffic("unknown")
    assert (traffic.requests_per_second, traffic.p99_seconds, len(traffic.history)) == (0.0, None, 60)


def test_after_hours_of_silence_nothing_old_is_shown(telemetry: Telemetry, clock: Clock) -> None:
    telemetry.record("line-inspection", 0.010)
    clock.move(2 * 3_600)
    assert sum(telemetry.traffic("line-inspection").history) == 0
    assert sum(telemetry.last_hour("line-inspection")) == 0
    telemetry.record("line-inspection", 0.010)
    clock.move(1)
    assert telemetry.last_hour("line-inspection")[-1] == 1
    assert sum(telemetry.last_hour("line-inspection")) == 1


def test_minutes_are_rolled_up_and_survive_a_restart(path: Path, clock: Clock) -> None:
    first = opened(path, clock)
    first.record("line-inspection", 0.010, tokens=7)
    first.record("line-inspection", 0.020, "worker.died")
    first.flush()
    first.record("line-inspection", 0.010)
    clock.move(60)
    first.record("line-inspection", 0.040)
    first.close()
    second = opened(path, clock)
    second.record("line-inspection", 0.040, "queue.full")
    second.close()
    minutes = read(path, clock)
    assert [(m.requests, m.errors, m.tokens, m.causes) for m in minutes] == [
        (3, 1, 7, {"worker.died": 1}),
        (2, 1, 0, {"queue.full": 1}),
    ]
    assert [sum(m.latencies.values()) for m in minutes] == [2, 1]
    assert minutes[0].minute == int(START) // 60


def test_requests_are_counted_from_many_threads(telemetry: Telemetry, clock: Clock) -> None:
    def work() -> None:
        for _ in range(2_000):
            telemetry.record("line-inspection", 0.010)
            if threading.current_thread().name == "flusher":
                telemetry.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    threads[0].name = "flusher"
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    telemetry.flush()
    clock.move(1)
    assert sum(telemetry.traffic("line-inspection").history) == 8_000
    assert sum(m.requests for m in telemetry.minutes("line-inspection", 0, 2**40)) == 8_000


@pytest.mark.parametrize("damage", ["garbage", "torn", "other tables", "other format", "other histogram"])
def test_a_damaged_file_is_begun_anew_and_told(path: Path, clock: Clock, damage: str) -> None:
    first = opened(path, clock)
    first.record("line-inspection", 0.010)
    first.close()
    spoil(path, damage)
    second = opened(path, clock)
    second.record("line-inspection", 0.010)
    second.flush()
    assert [problem.code for problem in second.problems()] == ["telemetry.recreated"]
    assert [m.requests for m in second.minutes("line-inspection", 0, 2**40)] == [1]
    second.close()


def test_a_file_deleted_under_a_running_box_is_begun_anew(
    telemetry: Telemetry, path: Path, clock: Clock
) -> None:
    telemetry.record("line-inspection", 0.010)
    telemetry.flush()
    path.unlink()
    telemetry.record("line-inspection", 0.010)
    telemetry.flush()
    assert path.exists()
    assert [m.requests for m in telemetry.minutes("line-inspection", 0, 2**40)] == [1]


def test_while_the_file_cannot_be_written_counting_goes_on_and_is_made_up_later(
    tmp_path: Path, clock: Clock
) -> None:
    folder = tmp_path / "not there yet"
    telemetry = opened(folder / "telemetry.sqlite3", clock)
    telemetry.record("line-inspection", 0.010)
    telemetry.flush()
    telemetry.record("line-inspection", 0.010)
    telemetry.flush()
    assert [problem.code for problem in telemetry.problems()] == ["telemetry.unwritable"]
    assert telemetry.minutes("line-inspection", 0, 2**40) == []
    clock.move(1)
    assert sum(telemetry.traffic("line-inspection").history) == 2
    folder.mkdir()
    telemetry.flush()
    assert telemetry.problems() == ()
    assert [m.requests for m in telemetry.minutes("line-inspection", 0, 2**40)] == [2]
    telemetry.close()


def test_a_full_disk_stops_nothing(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = opened(path, clock)
    telemetry.flush()
    connection = telemetry._file._open()
    connection.execute(
        f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}"
    ).fetchone()
    for number in range(200):
        telemetry.record(f"deployment {number}", 0.010, "x" * 200)
    telemetry.flush()
    assert [problem.code for problem in telemetry.problems()] == ["telemetry.unwritable"]
    connection.execute("PRAGMA max_page_count = 10000").fetchone()
    telemetry.flush()
    assert telemetry.problems() == ()
    assert [m.requests for m in telemetry.minutes("deployment 199", 0, 2**40)] == [1]
    telemetry.close()


def test_what_waits_for_the_disk_is_bounded(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "PENDING_LIMIT", 5)
    telemetry = opened(tmp_path / "gone" / "telemetry.sqlite3", clock)
    for _ in range(10):
        telemetry.record("line-inspection", 0.010)
        telemetry.flush()
        clock.move(60)
    (tmp_path / "gone").mkdir()
    telemetry.close()
    minutes = read(tmp_path / "gone" / "telemetry.sqlite3", clock)
    assert [m.minute - int(START) // 60 for m in minutes] == [5, 6, 7, 8, 9]


def test_minutes_older_than_a_month_are_forgotten(telemetry: Telemetry, clock: Clock) -> None:
    telemetry.record("line-inspection", 0.010)
    telemetry.flush()
    clock.move(32 * 24 * 3_600)
    telemetry.record("line-inspection", 0.010)
    telemetry.flush()
    assert [m.minute for m in telemetry.minutes("line-inspection", 0, 2**40)] == [int(clock.wall) // 60]


def test_the_file_stays_within_its_size(path: Path, clock: Clock) -> None:
    limit = 40_000
    telemetry = opened(path, clock, limit)
    for _ in range(60):
        for number in range(20):
            for seconds in (0.001, 0.01, 0.1, 1.0):
                telemetry.record(f"deployment {number}", seconds)
        telemetry.flush()
        clock.move(660)
    telemetry.flush()
    minutes = telemetry.minutes("deployment 3", 0, 2**40)
    assert 0 < len(minutes) < 60
    assert minutes[-1].minute == int(clock.wall - 660) // 60
    telemetry.close()
    assert path.stat().st_size <= limit + 3 * 4_096


def test_names_and_causes_without_end_take_no_memory_without_end(
    telemetry: Telemetry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MAXIMUM_SERIES", 3)
    monkeypatch.setattr(series, "MAXIMUM_CAUSES", 2)
    for number in range(10):
        telemetry.record(f"deployment {number}", 0.010, f"cause {number}")
        telemetry.record("deployment 0", 0.010, f"cause {number}")
    clock.move(1)
    assert sum(telemetry.traffic(OTHER).history) == 7
    telemetry.flush()
    (minute,) = telemetry.minutes("deployment 0", 0, 2**40)
    assert minute.causes == {"cause 0": 2, "cause 1": 1, OTHER: 8}


def test_a_wall_clock_that_is_set_does_not_disturb_the_last_minute(
    telemetry: Telemetry, clock: Clock
) -> None:
    telemetry.record("line-inspection", 0.010)
    clock.wall -= 10 * 365 * 24 * 3_600
    telemetry.flush()
    telemetry.record("line-inspection", 0.010)
    clock.move(1)
    telemetry.flush()
    assert sum(telemetry.traffic("line-inspection").history) == 2


def read(path: Path, clock: Clock) -> list[Rollup]:
    telemetry = opened(path, clock)
    minutes = telemetry.minutes("line-inspection", 0, 2**40)
    telemetry.close()
    return minutes


def spoil(path: Path, damage: str) -> None:
    if damage == "garbage":
        path.write_bytes(b"not a database at all" * 100)
        return
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:5_000])
        return
    connection = sqlite3.connect(path)
    statement = {
        "other tables": "ALTER TABLE minutes RENAME TO hours",
        "other format": "PRAGMA user_version = 99",
        "other histogram": "UPDATE minutes SET latencies = x'ff'",
    }[damage]
    connection.execute(statement)
    connection.commit()
    connection.close()
