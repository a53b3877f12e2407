"""What travels between the daemon and a worker: a msgpack header, then the tensors' raw bytes.

A frame is `<header bytes: u32> <payload bytes: u64> <header> <payload>`, little-endian. The header is one
of the messages below; the payload holds its tensors one after the other, each starting at a multiple of 64
bytes. BYTES tensors travel as the Open Inference Protocol writes them: every element behind its u32 length.
Nothing is pickled: a crafted model that takes its worker over gains no code in the daemon.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtimes.datatypes import DTYPES, datatype_of
from runtimes.engine import (
    Candidate,
    EngineDescription,
    GenerationChunk,
    GenerationRequest,
    InForce,
    ModelFile,
    Rejection,
    Tensor,
    Tensors,
    TensorSpec,
)
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile

PREFIX = struct.Struct("<IQ")
ALIGNMENT = 64
SHARED_FROM = 32 << 10
"""Bytes from which a tensor is worth laying into the shared memory."""


class TensorHeader(msgspec.Struct, frozen=True, array_like=True):
    name: str
    datatype: str
    shape: tuple[int, ...]
    size: int
    """Bytes in the payload."""
    slot: int | None = None
    """Where the bytes lie in the shared arena; None where they are in the payload."""


class Load(msgspec.Struct, frozen=True, array_like=True, tag="load"):
    engine: str
    model: ModelFile
    candidate: Candidate
    cache: Path | None


class Probe(msgspec.Struct, frozen=True, array_like=True, tag="probe"):
    engine: str
    model: ModelFile
    hardware: HardwareProfile


class Infer(msgspec.Struct, frozen=True, array_like=True, tag="infer"):
    id: int
    tensors: tuple[TensorHeader, ...]
    outputs: tuple[str, ...]
    reply_slot: int = 0
    reply_room: int = 0
    """Where in the shared memory the answer's large tensors may be laid, and how many bytes."""


class Generate(msgspec.Struct, frozen=True, array_like=True, tag="generate"):
    id: int
    request: GenerationRequest


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    id: int


class Loaded(msgspec.Struct, frozen=True, array_like=True, tag="loaded"):
    kind: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    context_tokens: int | None
    in_force: InForce
    engine_version: str
    confinement: dict[str, str]


class Probed(msgspec.Struct, frozen=True, array_like=True, tag="probed"):
    description: EngineDescription
    candidates: tuple[Candidate, ...]
    rejections: tuple[Rejection, ...]


class Result(msgspec.Struct, frozen=True, array_like=True, tag="result"):
    id: int
    tensors: tuple[TensorHeader, ...]


class Chunk(msgspec.Struct, frozen=True, array_like=True, tag="chunk"):
    id: int
    chunk: GenerationChunk


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    id: int | None
    """None where the worker as a whole failed to load."""
    code: str
    what: str
    kept: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, id: int | None, error: EngineError) -> "Failed":  # noqa: A002 - the field's name
        return cls(id, error.code, error.what, error.kept, error.remedy)

    def error(self) -> EngineError:
        return EngineError(self.code, self.what, kept=self.kept, remedy=self.remedy)


Request = Load | Probe | Infer | Generate | Cancel
Answer = Loaded | Probed | Result | Chunk | Failed


def _from_msgpack(kind: type, value: object) -> Any:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)


_encoder = msgspec.msgpack.Encoder(enc_hook=str)
decode_request = msgspec.msgpack.Decoder[Request](Request, dec_hook=_from_msgpack).decode
decode_answer = msgspec.msgpack.Decoder[Answer](Answer, dec_hook=_from_msgpack).decode


def frame(message: Request | Answer, payload: Sequence[memoryview] = ()) -> list[memoryview]:
    """The buffers of one frame, ready for `socket.sendmsg`; payload as `pack` returned it."""
    header = _encoder.encode(message)
    prefix = PREFIX.pack(len(header), sum(map(len, payload)))
    return [memoryview(prefix + header), *payload]


class Room:
    """A stretch of shared memory that tensors are laid into, one after the other."""

    def __init__(self, memory: memoryview, start: int, size: int) -> None:
        self.start = start
        self.size = size
        self._memory = memory
        self._next = start

    def lay(self, tensor: Tensor, dtype: np.dtype[Any]) -> int | None:
        """Copy a tensor in; where it lies, None where it does not fit."""
        place = self._next
        end = place + tensor.nbytes
        if end > self.start + self.size:
            return None
        np.copyto(np.frombuffer(self._memory[place:end], dtype).reshape(tensor.shape), tensor)
        self._next = end + -end % ALIGNMENT
        return place


def shared_size(tensors: Iterable[Tensor] | Iterable[TensorHeader]) -> int:
    """Bytes of room that the large ones among these tensors need."""
    room = 0
    for tensor in tensors:
        size = tensor.size if isinstance(tensor, TensorHeader) else tensor.nbytes
        if size >= SHARED_FROM:
            room += size + -size % ALIGNMENT
    return room


def pack(tensors: Tensors, room: Room | None = None) -> tuple[tuple[TensorHeader, ...], list[memoryview]]:
    """Describe tensors and give the bytes of those that `room` did not take.

    Raises EngineError `request.datatype` for an element type that cannot travel.
    """
    headers: list[TensorHeader] = []
    payload: list[memoryview] = []
    for name, tensor in tensors.items():
        datatype = datatype_of(tensor)
        if datatype is None:
            raise EngineError("request.datatype", f"Tensor {name!r} has element type {tensor.dtype}.")
        if room is not None and datatype != "BYTES" and tensor.nbytes >= SHARED_FROM:
            place = room.lay(tensor, DTYPES[datatype])
            if place is not None:
                headers.append(TensorHeader(name, datatype, tensor.shape, tensor.nbytes, place))
                continue
        raw = _raw(tensor, datatype)
        header = TensorHeader(name, datatype, tensor.shape, raw.nbytes)
        headers.append(header)
        payload.append(raw)
        if padding := -raw.nbytes % ALIGNMENT:
            payload.append(_PADDING[:padding])
    return tuple(headers), payload


def _raw(tensor: Tensor, datatype: str) -> memoryview:
    if datatype == "BYTES":
        return memoryview(b"".join(_length_prefixed(tensor)))
    native = np.ascontiguousarray(tensor, DTYPES[datatype]).reshape(-1)
    return native.view(np.uint8).data if native.size else memoryview(b"")


def unpack(
    headers: Sequence[TensorHeader], payload: memoryview, arena: memoryview | None = None
) -> dict[str, Tensor]:
    """Tensors that look into `payload` or into `arena`: nothing is copied but BYTES elements.

    Raises ValueError where the header does not fit the bytes.
    """
    tensors: dict[str, Tensor] = {}
    offset = 0
    for header in headers:
        if header.slot is None:
            raw = payload[offset : offset + header.size]
            offset += header.size + -header.size % ALIGNMENT
        elif arena is not None and 0 <= header.slot <= len(arena) - header.size:
            raw = arena[header.slot : header.slot + header.size]
        else:
            raise ValueError(f"tensor {header.name!r} lies outside the shared memory")
        tensors[header.name] = _tensor(header, raw)
    return tensors


def _tensor(header: TensorHeader, raw: memoryview) -> Tensor:
    dtype = DTYPES.get(header.datatype)
    if dtype is None or min(header.shape, default=0) < 0 or raw.nbytes != header.size:
        raise ValueError(f"tensor {header.name!r} is malformed")
    if header.datatype == "BYTES":
        elements = np.empty(math.prod(header.shape), np.object_)
        elements[:] = list(_elements(raw))
        return elements.reshape(header.shape)
    return np.frombuffer(raw, dtype).reshape(header.shape)


def _length_prefixed(tensor: Tensor) -> Iterator[bytes]:
    for element in tensor.flat:
        if not isinstance(element, bytes):
            raise EngineError(
                "request.datatype", f"A BYTES tensor holds {type(element).__name__}, not bytes."
            )
        yield struct.pack("<I", len(element))
        yield element


def _elements(raw: memoryview) -> Iterator[bytes]:
    offset = 0
    while offset < len(raw):
        (length,) = struct.unpack_from("<I", raw, offset)
        offset += 4 + length
        if offset > len(raw):
            raise ValueError("a BYTES element is longer than its tensor")
        yield bytes(raw[offset - length : offset])


_PADDING = memoryview(bytes(ALIGNMENT))
