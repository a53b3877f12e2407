"""Taking plain files out of a tar that a stranger made, one at a time, without `extractall`.

Refused: links, devices, pipes, sparse files, absolute paths, paths that climb or are not plain, two members of one name in any
case, headers that would fill the memory, and archives that unpack to many times their size.
"""

import tarfile
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path
from typing import IO, Self
from zlib import error as DeflateError  # noqa: N812 - it is an exception's name

from updates.layout import LIMITS
from updates.names import check_file_path

_HEADERS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})
_LARGEST_HEADER = 64 << 10
_RATIO = 64
"""How many times its size an archive may unpack to; weights hardly compress at all."""
_ALWAYS_FINE = 64 << 20
_CHUNK = 1 << 20


class _Bounded(tarfile.TarInfo):
    """Refuses a header whose text alone would fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in _HEADERS and found.size > _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {found.size} bytes")
        return found


def take_files(archive: Path, into: Path, *, compressed: bool) -> Iterator[str]:
    """Write an archive's files below `into`, which exists, and give the path of each.

    Args:
        archive: a tar, compressed by gzip where `compressed`.
        into: what was written stays there when an error is raised.
        compressed: by gzip.

    Raises:
        ValueError: the archive is refused, or is damaged.
        OSError: it cannot be read, or a file cannot be written.
    """
    room = max(_ALWAYS_FINE, archive.stat().st_size * (_RATIO if compressed else 1))
    seen: set[str] = set()
    try:
        with tarfile.open(archive, "r|gz" if compressed else "r|", tarinfo=_Bounded) as tar:
            for member in tar:
                path = _checked(member, seen)
                if path is None:
                    continue
                room -= member.size
                if room < 0:
                    raise ValueError("it unpacks to far more than its own size")
                source = tar.extractfile(member)
                if source is None:
                    raise ValueError(f"{path!r:.80} has no content")
                _write(source, into / path, member.size)
                yield path
    except (tarfile.TarError, BadGzipFile, DeflateError, EOFError) as error:
        raise ValueError(f"it is damaged ({error})") from error


def _checked(member: tarfile.TarInfo, seen: set[str]) -> str | None:
    """The path of a member that is a plain file; None for a folder."""
    if member.isdir():
        return None
    if not member.isfile() or member.issparse():
        raise ValueError(f"{member.name!r:.80} is no plain file")
    path = check_file_path(member.name.removeprefix("./"))
    if len(seen) >= LIMITS.layers:
        raise ValueError(f"it has more than {LIMITS.layers} files")
    folded = path.casefold()
    if folded in seen:
        raise ValueError(f"{path!r:.80} stands in it twice")
    seen.add(folded)
    return path


def _write(source: IO[bytes], to: Path, size: int) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    left = size
    with to.open("xb") as stream:
        while left and (data := source.read(min(_CHUNK, left))):
            stream.write(data)
            left -= len(data)
    if left:
        raise ValueError("it ends in the middle of a file")
