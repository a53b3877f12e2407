"""Request rates, errors and latencies of every deployment: counted in memory, rolled up to a disposable file."""

import sqlite3
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import msgspec

from appliance.status import Problem, Traffic
from appliance.telemetry.histogram import bucket, merge, quantile
from appliance.telemetry.rollups import Rollup, RollupFile, is_broken

WINDOW_SECONDS = 60
RING_SECONDS = 3_600
MAXIMUM_SERIES = 256
"""Deployments told apart; whatever comes after them is counted as OTHER."""
MAXIMUM_CAUSES = 64
OTHER = "(other)"
KEEP_MINUTES = 31 * 24 * 60
SIZE_LIMIT = 200 * 1024 * 1024
"""Bytes of the file."""
PENDING_LIMIT = 4_096
"""Rollups held in memory while the disk takes none; the oldest go first."""
_PRUNE_EVERY_SECONDS = 600.0
_LATENCY_SLOTS = 64


class _Series:
    """Sixty minutes of one deployment in one-second slots; latencies of the last minute only."""

    __slots__ = ("errors", "latencies", "requests", "seconds", "tokens")

    def __init__(self) -> None:
        self.seconds = array("q", [-1]) * RING_SECONDS
        """Which second each slot holds now."""
        self.requests = array("q", [0]) * RING_SECONDS
        self.errors = array("q", [0]) * RING_SECONDS
        self.tokens = array("q", [0]) * RING_SECONDS
        self.latencies: list[dict[int, int]] = [{} for _ in range(_LATENCY_SLOTS)]

    def begin(self, second: int, slot: int) -> None:
        self.seconds[slot] = second
        self.requests[slot] = self.errors[slot] = self.tokens[slot] = 0
        self.latencies[second % _LATENCY_SLOTS] = {}

    def slots(self, start: int, stop: int) -> list[int]:
        """The slots of the seconds [start, stop), -1 where nothing happened."""
        seconds = self.seconds
        return [s % RING_SECONDS if seconds[s % RING_SECONDS] == s else -1 for s in range(start, stop)]


class Telemetry:
    """Whatever happens to its file, nothing here raises towards those who answer requests."""

    def __init__(
        self,
        path: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        size_limit: int = SIZE_LIMIT,
    ) -> None:
        self._file = RollupFile(path)
        self._monotonic = monotonic
        self._wall = wall
        self._size_limit = size_limit
        self._counting = threading.Lock()
        self._writing = threading.Lock()
        self._series: dict[str, _Series] = {}
        self._pending: dict[tuple[str, int], Rollup] = {}
        self._offset = wall() - monotonic()
        self._next_prune = monotonic()
        self._problem: Problem | None = None

    def record(self, deployment: str, seconds: float, cause: str | None = None, tokens: int = 0) -> None:
        """Count one answered request; `cause` is the cause code where it failed. Takes a few microseconds."""
        now = self._monotonic()
        second = int(now)
        slot = second % RING_SECONDS
        with self._counting:
            series = self._series.get(deployment)
            if series is None:
                deployment, series = self._begin(deployment)
            if series.seconds[slot] != second:
                series.begin(second, slot)
            minute = int(now + self._offset) // 60
            rollup = self._pending.get((deployment, minute))
            if rollup is None:
                rollup = self._pending[deployment, minute] = Rollup(minute, deployment)
            series.requests[slot] += 1
            rollup.requests += 1
            if tokens:
                series.tokens[slot] += tokens
                rollup.tokens += tokens
            if cause is None:
                index = bucket(seconds)
                latencies = series.latencies[second % _LATENCY_SLOTS]
                latencies[index] = latencies.get(index, 0) + 1
                rollup.latencies[index] = rollup.latencies.get(index, 0) + 1
            else:
                series.errors[slot] += 1
                rollup.errors += 1
                if cause not in rollup.causes and len(rollup.causes) >= MAXIMUM_CAUSES:
                    cause = OTHER
                rollup.causes[cause] = rollup.causes.get(cause, 0) + 1

    def traffic(self, deployment: str, now_monotonic: float | None = None) -> Traffic:
        """The sixty whole seconds before now. Latencies are those of requests that went well."""
        now = int(self._monotonic() if now_monotonic is None else now_monotonic)
        latencies: dict[int, int] = {}
        with self._counting:
            series = self._series.get(deployment)
            if series is None:
                return Traffic(0.0, 0, None, None, (0.0,) * WINDOW_SECONDS)
            slots = series.slots(now - WINDOW_SECONDS, now)
            history = tuple(0.0 if slot < 0 else float(series.requests[slot]) for slot in slots)
            errors = sum(series.errors[slot] for slot in slots if slot >= 0)
            for second, slot in zip(range(now - WINDOW_SECONDS, now), slots, strict=True):
                if slot >= 0:
                    merge(latencies, series.latencies[second % _LATENCY_SLOTS])
        return Traffic(
            requests_per_second=sum(history) / WINDOW_SECONDS,
            errors=errors,
            p50_seconds=quantile(latencies, 0.50),
            p99_seconds=quantile(latencies, 0.99),
            history=history,
        )

    def last_hour(self, deployment: str) -> list[int]:
        """Requests in each of the last 3,599 whole seconds, oldest first."""
        now = int(self._monotonic())
        with self._counting:
            series = self._series.get(deployment) or _Series()
            slots = series.slots(now - RING_SECONDS + 1, now)
            return [0 if slot < 0 else series.requests[slot] for slot in slots]

    def minutes(self, deployment: str, start: int, stop: int) -> list[Rollup]:
        """What the file has of the minutes [start, stop) since 1970, oldest first; nothing where it cannot be read."""
        with self._writing:
            try:
                return self._file.read(deployment, start, stop)
            except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
                self._note(error)
                return []

    def flush(self) -> None:
        """Write what was counted since the last flush. Call it every few seconds, off the request's path."""
        with self._writing:
            with self._counting:
                pending, self._pending = self._pending, {}
                self._offset = self._wall() - self._monotonic()
            try:
                self._write(list(pending.values()))
            except (sqlite3.Error, OSError) as error:
                self._note(error)
                self._keep(pending)
                return
            self._prune()

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now, or was put right by beginning a new one."""
        return () if self._problem is None else (self._problem,)

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        with self._writing:
            self._file.close()

    def _begin(self, deployment: str) -> tuple[str, _Series]:
        if len(self._series) >= MAXIMUM_SERIES:
            deployment = OTHER
        return deployment, self._series.setdefault(deployment, _Series())

    def _write(self, rollups: list[Rollup]) -> None:
        try:
            self._file.add(rollups)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            if not is_broken(error):
                raise
            self._begin_anew(error)
            self._file.add(rollups)
        else:
            if self._problem is not None and self._problem.code == "telemetry.unwritable":
                self._problem = None

    def _prune(self) -> None:
        now = self._monotonic()
        if now < self._next_prune:
            return
        self._next_prune = now + _PRUNE_EVERY_SECONDS
        try:
            self._file.prune(int(self._wall()) // 60 - KEEP_MINUTES, self._size_limit)
        except (sqlite3.Error, OSError) as error:
            if is_broken(error):
                self._begin_anew(error)
            else:
                self._note(error)

    def _begin_anew(self, error: Exception) -> None:
        self._file.recreate()
        self._problem = Problem(
            "telemetry.recreated",
            f"The telemetry file was damaged ({error}) and has been begun anew.",
            "Nothing needs to be done; charts of the time before are gone.",
        )

    def _note(self, error: Exception) -> None:
        self._problem = Problem(
            "telemetry.unwritable",
            f"Telemetry cannot be written to {self._file.path}: {error}.",
            "Requests are served as before; free space or make the folder writable to have charts again.",
        )

    def _keep(self, rollups: dict[tuple[str, int], Rollup]) -> None:
        with self._counting:
            for key, rollup in self._pending.items():
                if key in rollups:
                    rollups[key].add(rollup)
                else:
                    rollups[key] = rollup
            for key in sorted(rollups, key=lambda key: key[1])[:-PENDING_LIMIT]:
                del rollups[key]
            self._pending = rollups
