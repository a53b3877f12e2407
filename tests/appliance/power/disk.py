"""A model of a disk under power cuts: replays what was done to files, and gives what a cut after each step may leave.

Three disks can be found after a cut, and all are tried:
- `killed`: everything that was done is there (the process died, the machine did not);
- `unsynced lost`: file contents are those of the last fsync of the file, names those of the last fsync of the folder;
- `names first`: every name is there, contents are those of the last fsync (what a journal of names alone gives).
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_HEAD = struct.Struct("<BQQQQ")


class Left(StrEnum):
    KILLED = "killed"
    LOST = "unsynced lost"
    NAMES = "names first"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation; `inode` is the file it concerns, `a` a path or data, `b` a second path."""

    op: str
    inode: int
    offset: int
    a: bytes
    b: bytes

    def __str__(self) -> str:
        name = {"c": "create", "w": "write", "t": "truncate", "s": "fsync", "r": "rename", "l": "link"}
        name |= {"u": "unlink", "m": "mkdir", "d": "rmdir", "y": "symlink"}
        return name[self.op]


def read_trace(file: Path) -> list[Step]:
    data, at, steps = file.read_bytes(), 0, []
    while at < len(data):
        op, inode, offset, length_a, length_b = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        a, b = data[at : at + length_a], data[at + length_a : at + length_a + length_b]
        at += length_a + length_b
        steps.append(Step(chr(op), inode, offset, a, b))
    return steps


@dataclass(slots=True)
class _File:
    now: bytearray
    durable: bytes


@dataclass(slots=True)
class _Folder:
    now: dict[str, "_File | _Folder"] = field(default_factory=dict)
    durable: dict[str, "_File | _Folder"] = field(default_factory=dict)


class Disk:
    """A folder as it was before, and then step by step."""

    def __init__(self, root: Path) -> None:
        self._root_path = str(root)
        self._by_inode: dict[int, _File | _Folder] = {}
        found = self._load(root)
        assert isinstance(found, _Folder)
        self._root = found

    def apply(self, step: Step) -> None:
        match step.op:
            case "c":
                folder, name = self._place(step.a)
                folder.now[name] = self._by_inode[step.inode] = _File(bytearray(), b"")
            case "m":
                folder, name = self._place(step.a)
                folder.now[name] = self._by_inode[step.inode] = _Folder()
            case "w":
                content = self._file(step).now
                content.extend(bytes(max(0, step.offset - len(content))))
                content[step.offset : step.offset + len(step.a)] = step.a
            case "t":
                content = self._file(step).now
                del content[step.offset :]
                content.extend(bytes(step.offset - len(content)))
            case "s":
                self._sync(step.inode)
            case "u" | "d":
                folder, name = self._place(step.a)
                del folder.now[name]
            case "r" | "l":
                folder, name = self._place(step.a)
                entry = folder.now[name]
                if step.op == "r":
                    del folder.now[name]
                folder, name = self._place(step.b)
                folder.now[name] = entry
            case _:
                raise ValueError(f"{step} is not modelled")

    def fingerprint(self, left: Left) -> bytes:
        """Equal for equal disks."""
        hashed = hashlib.sha256()
        for path, content in self._files(self._root, "", left):
            hashed.update(path.encode() + b"\0" + len(content or b"").to_bytes(8) + bytes(content or b""))
        return hashed.digest()

    def write_to(self, folder: Path, left: Left) -> None:
        folder.mkdir()
        for path, content in self._files(self._root, "", left):
            place = folder / path
            if content is None:
                place.mkdir()
                continue
            place.write_bytes(content)
            place.chmod(0o600)

    def files(self, left: Left = Left.KILLED) -> dict[str, bytes]:
        return {path: bytes(data) for path, data in self._files(self._root, "", left) if data is not None}

    def _sync(self, inode: int) -> None:
        entry = self._by_inode.get(inode)
        if isinstance(entry, _File):
            entry.durable = bytes(entry.now)
        elif entry is not None:
            entry.durable = dict(entry.now)

    def _file(self, step: Step) -> _File:
        found = self._by_inode[step.inode]
        assert isinstance(found, _File)
        return found

    def _place(self, path: bytes) -> tuple[_Folder, str]:
        inside = os.path.normpath(path.decode()).removeprefix(self._root_path).strip("/")
        *folders, name = inside.split("/")
        at = self._root
        for folder in folders:
            below = at.now[folder]
            assert isinstance(below, _Folder)
            at = below
        return at, name

    def _load(self, path: Path) -> "_File | _Folder":
        if path.is_dir():
            entries = {entry.name: self._load(entry) for entry in path.iterdir() if modelled(entry)}
            found: _File | _Folder = _Folder(entries, dict(entries))
        else:
            data = path.read_bytes()
            found = _File(bytearray(data), data)
        self._by_inode[path.stat().st_ino] = found
        return found

    def _files(
        self, folder: _Folder, base: str, left: Left
    ) -> Iterator[tuple[str, bytes | bytearray | None]]:
        entries = folder.durable if left is Left.LOST else folder.now
        for name, entry in sorted(entries.items()):
            path = f"{base}{name}"
            if isinstance(entry, _Folder):
                yield path, None
                yield from self._files(entry, f"{path}/", left)
            else:
                yield path, entry.now if left is Left.KILLED else entry.durable


def modelled(path: Path) -> bool:
    """Whether the model knows of it: what is mapped into memory, sockets and links are left out."""
    return not path.name.endswith("-shm") and (path.is_dir() or path.is_file()) and not path.is_symlink()
