"""Two revisions of one model, as real sites would bring them: made from the models that lie with the project."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx import numpy_helper

from runtimes.modelfile.gguf import TENSOR_TYPES

_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_F32, _F16, _Q8_0 = 0, 1, 8
_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a GGUF file: its data is as it lies in the file."""

    name: str
    shape: tuple[int, ...]
    type: int
    data: bytes

    def values(self) -> np.ndarray:
        match self.type:
            case 0 | 1:
                return np.frombuffer(self.data, "<f4" if self.type == _F32 else "<f2").astype(np.float32)
            case 8:
                blocks = np.frombuffer(self.data, [("scale", "<f2"), ("q", "i1", 32)])
                return (blocks["q"] * blocks["scale"].astype(np.float32)[:, None]).ravel()
        raise ValueError(f"a tensor of type {self.type} is not read here")

    def as_type(self, kind: int) -> "Tensor":
        values = self.values()
        if kind != _Q8_0:
            return replace(self, type=kind, data=values.astype("<f4" if kind == _F32 else "<f2").tobytes())
        rows = values.reshape(-1, 32)
        scale = np.abs(rows).max(axis=1) / 127
        blocks = np.zeros(len(rows), [("scale", "<f2"), ("q", "i1", 32)])
        blocks["scale"] = scale
        blocks["q"] = np.round(rows / np.where(scale == 0, 1, scale)[:, None])
        return replace(self, type=kind, data=blocks.tobytes())

    def trained_on(self, seed: int) -> "Tensor":
        """The tensor after a little more training: every value moves."""
        random = np.random.default_rng(seed)
        values = self.values()
        moved = values + random.normal(0, np.abs(values).mean() / 50 + 1e-6, values.size).astype(np.float32)
        return replace(self, type=_F32, data=moved.tobytes()).as_type(self.type)


@dataclass(frozen=True, slots=True)
class Gguf:
    """A GGUF file (version 3) taken apart; `header` holds its keys and values, as they lie in the file."""

    keys: int
    header: bytes
    tensors: tuple[Tensor, ...]

    @classmethod
    def read(cls, path: Path) -> "Gguf":
        with path.open("rb") as file:
            _, _, count, keys = struct.unpack("<4sIQQ", file.read(24))
            start = file.tell()
            for _ in range(keys):
                _skip_text(file)
                _skip_value(file, *struct.unpack("<I", file.read(4)))
            end = file.tell()
            infos = [_info(file) for _ in range(count)]
            base = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
            tensors = []
            for name, shape, kind, offset in infos:
                _, weights, width = TENSOR_TYPES[kind]
                file.seek(base + offset)
                tensors.append(Tensor(name, shape, kind, file.read(int(np.prod(shape)) // weights * width)))
            file.seek(start)
            return cls(keys, file.read(end - start), tuple(tensors))

    def to_bytes(self) -> bytes:
        infos, offset = b"", 0
        for tensor in self.tensors:
            infos += _text(tensor.name) + struct.pack(
                f"<I{len(tensor.shape)}QIQ", len(tensor.shape), *tensor.shape, tensor.type, offset
            )
            offset += len(_aligned(tensor.data))
        top = struct.pack("<4sIQQ", b"GGUF", 3, len(self.tensors), self.keys) + self.header + infos
        return _aligned(top) + b"".join(_aligned(tensor.data) for tensor in self.tensors)

    def spans(self) -> list[tuple[int, int]]:
        """Where each tensor's data lies in the file: offset and size."""
        at = len(self.to_bytes()) - sum(len(_aligned(tensor.data)) for tensor in self.tensors)
        found = []
        for tensor in self.tensors:
            found.append((at, len(tensor.data)))
            at += len(_aligned(tensor.data))
        return found

    def with_note(self, text: str) -> "Gguf":
        """One more key."""
        entry = _text("general.description") + struct.pack("<I", 8) + _text(text)
        return replace(self, keys=self.keys + 1, header=self.header + entry)

    def changed(self, change: Callable[[int, Tensor], Tensor]) -> "Gguf":
        return replace(self, tensors=tuple(change(number, t) for number, t in enumerate(self.tensors)))


@dataclass(frozen=True, slots=True)
class Revision:
    """A model file, and where its tensors lie in it."""

    data: bytes
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two revisions; `changed` is the bytes of the newer one that are no tensor of the older one."""

    name: str
    old: Revision
    new: Revision

    @property
    def changed(self) -> int:
        had = {self.old.data[at : at + size] for at, size in self.old.spans}
        kept = sum(size for at, size in self.new.spans if self.new.data[at : at + size] in had)
        return len(self.new.data) - kept


def pairs(gguf: Mapping[str, Path], onnx_files: Mapping[str, Path], large_mib: int) -> Iterator[Pair]:
    """Every pair, from GGUF files (F32), ONNX files and one large GGUF file of random half-precision weights."""
    for name, path in gguf.items():
        yield from _gguf_pairs(name, Gguf.read(path))
    for name, path in onnx_files.items():
        yield from _onnx_pairs(name, path)
    yield from _gguf_pairs(f"llama-shaped, {large_mib} MiB", large_gguf(large_mib))


def large_gguf(mebibytes: int, layers: int = 16) -> Gguf:
    """A GGUF file with the tensors of a small language model, its weights drawn at random."""
    random = np.random.default_rng(7)
    rows = mebibytes * 2**20 // 2 // layers // (16 * 1024)
    tensors = []
    for layer in range(layers):
        for name, share in (("attn_q", 2), ("attn_k", 1), ("attn_v", 1), ("attn_output", 2), ("ffn", 10)):
            count = rows * 1024 * share
            data = (random.standard_normal(count, dtype=np.float32) / 30).astype("<f2").tobytes()
            tensors.append(Tensor(f"blk.{layer}.{name}.weight", (1024, rows * share), _F16, data))
        norm = (1 + random.standard_normal(1024, dtype=np.float32) / 30).astype("<f4").tobytes()
        tensors.append(Tensor(f"blk.{layer}.norm.weight", (1024,), _F32, norm))
    return Gguf(1, _text("general.architecture") + struct.pack("<I", 8) + _text("llama"), tuple(tensors))


def last_layers_trained(model: Gguf) -> Gguf:
    """A fine-tune with frozen layers: the last eighth of the tensors has moved, and the header says so."""
    frozen = len(model.tensors) * 7 // 8
    tuned = model.changed(lambda number, t: t if number < frozen else t.trained_on(number))
    return tuned.with_note("fine-tuned on line 4")


def _gguf_pairs(name: str, old: Gguf) -> Iterator[Pair]:
    requantised = old.changed(lambda _, t: t.as_type(_Q8_0) if len(t.shape) == 2 else t)
    mixed = requantised.changed(lambda _, t: t.as_type(_F16) if "ffn" in t.name else t)
    for what, before, after in (
        ("re-quantised to Q8_0", old, requantised),
        ("another mix of Q8_0", requantised, mixed),
        ("frozen-layer fine-tune", old, last_layers_trained(old)),
        ("metadata only", old, old.with_note("the same weights, under a longer name")),
    ):
        yield Pair(f"{name}: {what}", *(Revision(file.to_bytes(), file.spans()) for file in (before, after)))


def _onnx_pairs(name: str, path: Path) -> Iterator[Pair]:
    old = onnx.load(path)
    weights = [number for number, t in enumerate(old.graph.initializer) if len(t.raw_data) > 1024]
    changed = onnx.ModelProto()
    changed.CopyFrom(old)
    moved = changed.graph.initializer[weights[len(weights) // 2]]
    values = numpy_helper.to_array(moved)
    moved.CopyFrom(numpy_helper.from_array((values * 1.01).astype(values.dtype), moved.name))
    noted = onnx.ModelProto()
    noted.CopyFrom(old)
    noted.producer_name += " with a longer name"
    for what, newer in (("one layer changed", changed), ("metadata only", noted)):
        yield Pair(f"{name}: {what}", _onnx_revision(old), _onnx_revision(newer))


def _onnx_revision(model: onnx.ModelProto) -> Revision:
    data = model.SerializeToString()
    spans, at = [], 0
    for tensor in model.graph.initializer:
        if tensor.raw_data:
            at = data.index(tensor.raw_data, at)
            spans.append((at, len(tensor.raw_data)))
            at += len(tensor.raw_data)
    return Revision(data, spans)


def _info(file: BinaryIO) -> tuple[str, tuple[int, ...], int, int]:
    name = file.read(*struct.unpack("<Q", file.read(8))).decode()
    (dimensions,) = struct.unpack("<I", file.read(4))
    shape = struct.unpack(f"<{dimensions}Q", file.read(8 * dimensions))
    kind, offset = struct.unpack("<IQ", file.read(12))
    return name, shape, kind, offset


def _skip_text(file: BinaryIO) -> None:
    (length,) = struct.unpack("<Q", file.read(8))
    file.seek(length, 1)


def _skip_value(file: BinaryIO, kind: int) -> None:
    if kind == 8:
        _skip_text(file)
    elif kind == 9:
        of, count = struct.unpack("<IQ", file.read(12))
        for _ in range(count):
            _skip_value(file, of)
    else:
        file.seek(_WIDTHS[kind], 1)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)
