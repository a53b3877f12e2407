"""Cuts the power at every durable operation of a real import, and looks at what each disk would hold.

    python -m tests.appliance.power.cuts [--most N] [--faults N]

One import through the real appliance (library, SQLite, workers) is recorded by a preloaded shim: every write, fsync,
rename, unlink, link, mkdir. Then, for each of these operations in turn, the three disks that a cut at this point may
leave (see `disk`) are made, opened as a box, and held against: the old version serves or the new one is complete and
logged; the log proves itself; the same import then succeeds; nothing lies around afterwards. Equal disks are tried once.
Then the import is done again with the disk full at each write, and with the medium unreadable at each read.
"""

import argparse
import copy
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from errno import EIO, ENOSPC
from pathlib import Path
from typing import TypeVar

from tests.appliance.power.disk import Left
from tests.appliance.power.story import NEW, Story

T = TypeVar("T")

_CLEAR = frozenset(
    {
        *("no harm", "disk.full", "disk.unwritable", "medium.gone", "medium.unreadable"),
        *("database.unreadable", "disk.failed"),
    }
)
"""What a fault may be told as. One single write that fails leaves room for all others: where SQLite meets it while it
opens its files, nothing tells that it was for want of room."""


@dataclass(slots=True)
class Tally:
    points: int = 0
    disks: int = 0
    tried: int = 0
    again: int = 0
    served: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        served = ", ".join(
            f"{version} served {count} times" for version, count in sorted(self.served.items())
        )
        faults = ", ".join(f"{count} x {what}" for what, count in sorted(self.faults.items()))
        return (
            f"{self.points} points cut, {self.disks} different disks, {self.tried} opened: {served or 'none'}; the import done again on {self.again}; "
            f"faults: {faults or 'none'}"
        )


def cut_everywhere(story: Story, tally: Tally, most: int | None, *, talk: bool = False) -> None:
    """Cut at each operation; every disk is looked at, and the import done again on all, or on `most` of them."""
    run = story.run()
    assert run.answer.get("error") is None, run.answer
    disk, again = run.before, copy.deepcopy(run.before)
    every, seen = list[tuple[int, Left]](), set[bytes]()
    for number in range(len(run.steps) + 1):
        for left in Left:
            fingerprint = disk.fingerprint(left)
            if fingerprint not in seen:
                seen.add(fingerprint)
                every.append((number, left))
        if number < len(run.steps):
            disk.apply(run.steps[number])
    assert {name: data for name, data in disk.files().items() if _kept(name)} == {
        name: data for name, data in run.found().items() if _kept(name)
    }, "the model and the disk do not agree"
    tally.points, tally.disks = len(run.steps), len(every)
    different, chosen = set(every), set(_spread(every, most))
    for number in range(len(run.steps) + 1):
        for left in Left:
            if (number, left) in different:
                state = story.folder / "cut"
                again.write_to(state, left)
                try:
                    served = story.check(state, again=(number, left) in chosen)
                except BaseException:
                    at = run.steps[number] if number < len(run.steps) else "the end"
                    print(f"cut {number} of {len(run.steps)}, before {at}, {left}: {state}", file=sys.stderr)  # noqa: T201
                    raise
                shutil.rmtree(state)
                tally.tried += 1
                tally.again += (number, left) in chosen
                tally.served[served] += 1
                if talk:
                    print(f"{tally.tried}/{len(every)} point {number} {left}: {served}", flush=True)  # noqa: T201
        if number < len(run.steps):
            again.apply(run.steps[number])


def fail_everywhere(story: Story, tally: Tally, most: int | None, *, talk: bool = False) -> None:
    """The disk full at each write, the medium unreadable at each read; afterwards the same import succeeds."""
    whole = story.run("sound")
    points = [("write", n, ENOSPC) for n in range(1, whole.writes + 1)]
    points += [("read", n, EIO) for n in range(1, whole.reads + 1)]
    for kind, number, error in _spread(points, most):
        run = story.run("faulty", f"{kind}:{number}:{error}")
        failed = run.answer.get("error")
        story.check(run.state)
        told = failed["code"] if failed else "no harm"
        assert told in _CLEAR, (kind, number, run.answer)
        tally.faults[f"{kind}: {told}"] += 1
        if talk:
            print(f"{kind} {number}: {told}", flush=True)  # noqa: T201
    story.check(whole.state, again=False)


def _spread(every: list[T], most: int | None) -> list[T]:
    """All, or so many of them, evenly spread, the first and the last among them."""
    if most is None or most >= len(every):
        return every
    return [every[round(number * (len(every) - 1) / max(1, most - 1))] for number in range(most)]


def _kept(name: str) -> bool:
    """Files that only the import's own process writes; workers, which have no shim, write the rest."""
    return not name.startswith(("cache/", "run/"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--most", type=int, help="disks on which the import is done again; default: every different one"
    )
    parser.add_argument("--faults", type=int, help="faults that are tried; default: every write and read")
    options = parser.parse_args()
    tally, began = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        story = Story.prepare(Path(folder))
        cut_everywhere(story, tally, options.most, talk=True)
        fail_everywhere(story, tally, options.faults, talk=True)
    assert tally.served[NEW]
    print(f"{tally}; {time.monotonic() - began:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
