"""`medium.json`: what a medium holds where that is not simply the whole update, or is more than it.

It is there on a medium that is one of several, that leaves out what a box has, or that carries parity. Nobody signs
it: it says where to look, and what is found there is checked against what was signed.

A pack is a blob with chunks of one file, one after another: those that a part of the file on this medium has not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from updates import canonical
from updates.digest import Digest
from updates.layout import CARRIED, LIMITS
from updates.media import Medium

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pack:
    """Chunks of the file `file`, in the blob `blob`; `runs` are (first, count) of chunk numbers."""

    file: Digest
    blob: Digest
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """The blob `parity` repairs the blob `blob` of `size` bytes; see `updates.parity`."""

    blob: Digest
    parity: Digest
    size: int
    block: int
    rows: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one medium of a set holds beside metadata, manifests and chunk indexes."""

    blobs: frozenset[Digest]
    packs: tuple[Pack, ...] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """A medium's place in its set, and what each medium of the set holds."""

    number: int
    """From 1."""
    media: tuple[Share, ...]
    common: frozenset[Digest] = frozenset()
    """Blobs that every medium of the set holds: configurations and chunk indexes."""
    against: str = ""
    """The box that lacks nothing else; empty where any box may use the medium."""
    parity: tuple[Parity, ...] = ()

    @property
    def here(self) -> Share:
        return self.media[self.number - 1]

    def has(self, blob: Digest) -> bool:
        """Whether this medium holds a blob."""
        return blob in self.here.blobs or blob in self.common

    def medium_with(self, blob: Digest) -> int | None:
        """The number of another medium that holds a blob."""
        numbered = enumerate(self.media, 1)
        return next((number for number, share in numbered if blob in share.blobs), None)

    def to_bytes(self) -> bytes:
        return canonical.to_bytes(
            {
                "number": self.number,
                "against": self.against,
                "common": sorted(blob.hex for blob in self.common),
                "media": [
                    {
                        "blobs": sorted(blob.hex for blob in share.blobs),
                        "packs": [
                            {
                                "file": pack.file.hex,
                                "blob": pack.blob.hex,
                                "runs": [list(run) for run in pack.runs],
                            }
                            for pack in share.packs
                        ],
                    }
                    for share in self.media
                ],
                "parity": [
                    {
                        "blob": parity.blob.hex,
                        "parity": parity.parity.hex,
                        "size": parity.size,
                        "block": parity.block,
                        "rows": parity.rows,
                    }
                    for parity in self.parity
                ],
            }
        )


def read_carried(medium: Medium) -> Carried | None:
    """What the medium says of itself; None where it is simply the whole update.

    Raises:
        MediumError: `medium.malformed`, `medium.too-large`, `medium.gone`, `medium.not-a-file`, `medium.unreadable`.
    """
    data = medium.read(CARRIED, LIMITS.carried)
    return None if data is None else parse_carried(data)


def parse_carried(data: bytes) -> Carried:
    """Raises: MediumError: `medium.malformed`."""
    value = canonical.parse_object(data, CARRIED)
    try:
        if value.keys() != {"number", "against", "common", "media", "parity"}:
            raise ValueError("it has other fields than a medium's")
        media = tuple(
            Share(
                frozenset(_each(share["blobs"], Digest)),
                tuple(_each(share["packs"], _pack)),
            )
            for share in _list(value["media"])
        )
        number, against = value["number"], value["against"]
        if type(number) is not int or not 1 <= number <= len(media) or len(media) > 10_000:
            raise ValueError("its place in the set cannot be")
        if not isinstance(against, str) or len(against) > 255 or not against.isprintable():
            raise ValueError("it does not name a box")
        common = frozenset(_each(value["common"], Digest))
        return Carried(number, media, common, against, tuple(_each(value["parity"], _parity)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise canonical.malformed(CARRIED, str(error)) from error


def _pack(value: Mapping[str, Any]) -> Pack:
    found = tuple((_number(first, 0), _number(count, 1)) for first, count in _list(value["runs"]))
    ends = [first + count for first, count in found]
    if any(first < end for (first, _), end in zip(found[1:], ends, strict=False)):
        raise ValueError("its chunks are not in order")
    return Pack(Digest(value["file"]), Digest(value["blob"]), found)


def _parity(value: Mapping[str, Any]) -> Parity:
    block = _number(value["block"], 64)
    if block % 64 or block > 1 << 20:
        raise ValueError("a parity block cannot have this size")
    rows = _number(value["rows"], 1)
    if rows > 10:
        raise ValueError("parity cannot have so many rows")
    return Parity(Digest(value["blob"]), Digest(value["parity"]), _number(value["size"], 1), block, rows)


def _each(values: Any, read: Callable[[Any], T]) -> list[T]:
    return [read(value) for value in _list(values)]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("something other than a list stands where one belongs")
    return value


def _number(value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is no number of at least {least}")
    return value
