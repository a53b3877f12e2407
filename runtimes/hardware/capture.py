"""Taking a machine along: an archive of exactly what detection reads, so that another can scan it again."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtimes.hardware import visibility
from runtimes.hardware.detect import MACHINE, at, detect
from runtimes.hardware.errors import HardwareError
from runtimes.hardware.profile import HardwareProfile
from runtimes.hardware.recording import Recording, write_archive
from runtimes.hardware.sysroot import Access, Sysroot

CODE_OF_ACCESS = {
    Access.GRANTED: "ok",
    Access.DENIED: "EACCES",
    Access.BLOCKED: "EPERM",
    Access.BROKEN: "EIO",
}


@dataclass(frozen=True, slots=True)
class Capture:
    """What went into an archive."""

    profile: HardwareProfile
    """As detected while capturing; detection on the archive gives the same."""
    paths: tuple[str, ...]
    """Every file whose contents are in the archive."""


def capture(
    file: Path,
    root: Path | str = MACHINE,
    *,
    environ: Mapping[str, str] | None = None,
    live: bool = True,
) -> Capture:
    """Scan and write what was read to `file`, a .tar.gz that nobody else may read.

    Of the environment only the variables that hide or rename accelerators go in (`visibility.VARIABLES`),
    of programs only what they hold on a GPU. Raises HardwareError where `file` cannot be written.
    """
    machine = at(root, live=live)
    recorder = Recorder(machine)
    told = environ if environ is not None else os.environ if Path(root) == MACHINE else machine.environ
    recorder.recording.environ = visibility.in_force(told)
    profile = detect(recorder, environ=told)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as target:
            write_archive(recorder.recording, target)
    except OSError as error:
        raise HardwareError(
            "hardware.capture-unwritable",
            f"The capture could not be written to {file}: {error.strerror}.",
            remedy="Name a file in a folder that exists, is writable and has 1 MB left.",
        ) from error
    return Capture(profile, tuple(sorted(recorder.recording.files)))


class Recorder(Sysroot):
    """A machine that writes down whatever is read of it."""

    def __init__(self, machine: Sysroot) -> None:
        super().__init__(machine.tree, environ=machine.environ)
        self.machine = machine
        self.recording = Recording()

    @property
    def quiet(self) -> Sysroot:
        return self.machine

    def data(self, path: str) -> bytes | None:
        data = self.machine.data(path)
        if data is not None:
            self.recording.files[path] = data
        return data

    def lines(self, path: str, *, containing: str = "", without: str = "\0") -> list[str]:
        lines = self.machine.lines(path, containing=containing, without=without)
        if lines:
            self.recording.files[path] = "\n".join(lines).encode()
        return lines

    def names(self, path: str) -> tuple[str, ...]:
        names = self.machine.names(path)
        if names:
            self.recording.listings[path] = list(names)
        return names

    def link(self, path: str) -> str | None:
        target = self.machine.link(path)
        if target is not None:
            self.recording.links[path] = target
        return target

    def access(self, path: str) -> Access:
        return self._noted(path, self.machine.access(path))

    def readable(self, path: str) -> Access:
        return self._noted(path, self.machine.readable(path))

    def _noted(self, path: str, access: Access) -> Access:
        if access is not Access.ABSENT and path not in self.recording.files:
            self.recording.devices[path] = CODE_OF_ACCESS[access]
        return access

    def answer(self, name: str, arguments: Sequence[str] = ()) -> Mapping[str, Any] | None:
        answer = self.machine.answer(name, arguments)
        if answer is not None:
            self.recording.answers[name] = dict(answer)
        return answer

    def read_apart(self, paths: Sequence[str]) -> Mapping[str, Any] | None:
        return self._failure("files", self.machine.read_apart(paths))

    def open_devices(self, paths: Sequence[str]) -> Mapping[str, Any] | None:
        return self._failure("devices", self.machine.open_devices(paths))

    def _failure(self, probe: str, error: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if error is not None:
            self.recording.answers[probe] = dict(error)
        return error
