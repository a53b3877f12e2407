"""Names of artifacts: kinds, names, versions, and the TUF target path that binds the three.

The grammar is narrow on purpose: what passes it is the same name on every file system, in every case folding and
in every Unicode form, so that two artifacts cannot look alike.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    MODEL = "model"
    RUNTIME = "runtime"
    SOFTWARE = "software"
    POLICY = "policy"
    KNOWLEDGE = "knowledge"
    SYSTEM = "system"


_FOLDERS = {
    Kind.MODEL: "models",
    Kind.RUNTIME: "runtimes",
    Kind.SOFTWARE: "software",
    Kind.POLICY: "policies",
    Kind.KNOWLEDGE: "knowledge",
    Kind.SYSTEM: "system",
}
_KINDS = {folder: kind for kind, folder in _FOLDERS.items()}
_LEAF = "manifest.json"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,62}(?<![._-])")
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}(?:-[0-9a-z]+(?:[.-][0-9a-z]+)*)?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_FILE_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ +-]|\.(?!\.)){0,126}(?<![. ])")


def check_name(name: str) -> str:
    """Return `name` if it may name an artifact: lower-case ASCII letters, digits, `-`, `_`, `.`, at most 63.

    Raises:
        ValueError: it may not.
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise ValueError(f"{name[:80]!r} cannot name an artifact (lower-case letters, digits, - _ . only)")
    return name


def check_version(version: str) -> str:
    """Return `version` if it is one to four numbers with dots and at most one `-suffix`, such as `1.2.0-rc.1`.

    Raises:
        ValueError: it is not.
    """
    if len(version) > 63 or not _VERSION.fullmatch(version):
        raise ValueError(f"{version[:80]!r} is no version (numbers with dots, such as 1.2.0 or 1.2.0-rc.1)")
    return version


def version_order(version: str) -> tuple[tuple[int, ...], tuple[tuple[int, int, str], ...]]:
    """A key that sorts versions as Semantic Versioning 2.0 §11 does; a version with a suffix is before the same without."""
    numbers, _, suffix = version.partition("-")
    digits = [int(part) for part in numbers.split(".")]
    digits += [0] * (4 - len(digits))
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.-]", suffix) if part
    )
    return tuple(digits), parts or ((2, 0, ""),)


def check_file_path(path: str) -> str:
    """Return `path` if it may be a file's place inside an artifact: plain parts with `/` between, all inside.

    Raises:
        ValueError: it is absolute, climbs, is reserved on some system or has other characters.
    """
    parts = path.split("/")
    if len(path) > 255 or len(parts) > 8:
        raise ValueError(f"the path {path[:80]!r} is too long")
    for part in parts:
        if not _FILE_PART.fullmatch(part) or _RESERVED.fullmatch(part.lower()):
            raise ValueError(f"the path {path[:80]!r} is not plain")
    return path


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """Which artifact: its kind, name and version."""

    kind: Kind
    name: str
    version: str

    def __post_init__(self) -> None:
        check_name(self.name)
        check_version(self.version)

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.version}"

    @property
    def target_path(self) -> str:
        """Its path in TUF's targets."""
        return f"{_FOLDERS[self.kind]}/{self.name}/{self.version}/{_LEAF}"

    @classmethod
    def from_target_path(cls, path: str) -> Self:
        """Read a TUF target path.

        Raises:
            ValueError: it is not one of ours.
        """
        parts = path.split("/")
        if len(parts) != 4 or parts[0] not in _KINDS or parts[3] != _LEAF:
            raise ValueError(f"{path[:120]!r} names no artifact")
        return cls(_KINDS[parts[0]], parts[1], parts[2])


KIND_ROLES = tuple(_KINDS)
"""The roles that each vouch for one kind of artifact, named after the kind's folder: `models`, `runtimes` …"""


def role_of(path: str) -> str:
    """The role that a target path belongs to where its kind is delegated."""
    return path.partition("/")[0]


def target_pattern(role: str) -> str:
    """The pattern that delegates to a role every artifact of its kind."""
    return f"{role}/*/*/{_LEAF}"
