"""Fake machines: one TOML file each, with the files that detection reads and the profile it must give.

`[files]` maps paths to contents, `[links]` to link targets, `[devices]` to what opening gives (`ok`, `EACCES`,
`EPERM`, `EIO`), `[listings]` to names in folders; `[answers]` holds what driver probes said, `[environ]` the
variables. `[[processors]]` writes a block of /proc/cpuinfo for every number of `range`, or one block without
number. `[[each]]` repeats its files for every number, with `{n}`, `{even}` and `{odd}` (the pair that n belongs
to), `{plus}` and `{minus}` (n moved by `shift`) in paths and contents. `[expected]` is the whole profile without
what is None or empty; findings stand there by their codes, processor numbers as a kernel list.
"""

import dataclasses
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware.profile import HardwareProfile
from runtimes.hardware.recording import Recording
from runtimes.hardware.sysroot import Sysroot, processors

MACHINES = Path(__file__).parent / "machines"


@dataclass(frozen=True, slots=True)
class Machine:
    name: str
    source: str
    recording: Recording
    expected: dict[str, Any]

    @property
    def root(self) -> Sysroot:
        return Sysroot.recorded(self.recording)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "machine" in metafunc.fixturenames:
        names = sorted(path.stem for path in MACHINES.glob("*.toml"))
        metafunc.parametrize("machine", names, indirect=True)


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Machine:
    """Each fake machine in turn; tests that change one take `fake`, which loads it anew."""
    return _shared(request.param)


@pytest.fixture
def fake() -> Any:
    """`fake(name)` is one fake machine."""
    return load


@pytest.fixture
def summary() -> Any:
    """`summary(profile)` is a profile in the form of `[expected]`."""
    return summarize


@functools.cache
def _shared(name: str) -> Machine:
    return load(name)


def load(name: str) -> Machine:
    told = tomllib.loads((MACHINES / f"{name}.toml").read_text())
    files = dict(told.get("files", {}))
    if "processors" in told:
        files["/proc/cpuinfo"] = "\n\n".join(_blocks(told["processors"]))
    for block in told.get("each", ()):
        for values in _repeated(block):
            files |= {
                path.format_map(values): text.format_map(values) for path, text in block["files"].items()
            }
    recording = Recording(
        files={path: text.encode() for path, text in files.items()},
        links=told.get("links", {}),
        listings=told.get("listings", {}),
        devices=told.get("devices", {}),
        environ=told.get("environ", {}),
        answers=told.get("answers", {}),
    )
    return Machine(name, told["source"], recording, told["expected"])


def summarize(profile: HardwareProfile) -> dict[str, Any]:
    found = dataclasses.asdict(profile)
    found.pop("sources")
    if profile.cpu.allowed:
        found["cpu"]["allowed"] = _kernel_list(profile.cpu.allowed)
    for holder in (found, *found["accelerators"]):
        holder["findings"] = [finding["code"] for finding in holder["findings"]]
    summary = _present(found)
    assert isinstance(summary, dict)
    return summary


def _blocks(processors: list[dict[str, str]]) -> list[str]:
    blocks = []
    for told in processors:
        if "range" in told:
            blocks += [f"processor\t: {n}\n{told['text']}" for n in _numbers(told["range"])]
        else:
            blocks.append(told["text"])
    return blocks


def _repeated(block: dict[str, Any]) -> list[dict[str, int]]:
    shift = block.get("shift", 0)
    return [
        {"n": n, "even": n - n % 2, "odd": n - n % 2 + 1, "plus": n + shift, "minus": n - shift}
        for n in _numbers(block["range"])
    ]


def _numbers(kernel_list: str) -> tuple[int, ...]:
    numbers = processors(kernel_list)
    assert numbers is not None
    return numbers


def _kernel_list(numbers: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], n]
        else:
            runs.append([n])
    return ",".join("-".join(map(str, run)) for run in runs)


def _present(value: Any) -> Any:
    """Without None and empty collections; tuples as lists, as TOML has them."""
    if isinstance(value, dict):
        return {
            key: _present(item)
            for key, item in value.items()
            if item is not None and item not in ((), [], {})
        }
    if isinstance(value, list | tuple):
        return [_present(item) for item in value]
    return value
