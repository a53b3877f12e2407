"""Which cut of a model file into chunks lets a new revision bring least: fixed, by content, or by tensors.

    python -m benchmarks.chunking [--shared DIR] [--large MIB]

For each pair of revisions: bytes of the chunks that the older one lacks (in % of what must at least travel: all that
is no tensor of the older one), and the chunks. An entry of the index costs 36 bytes; they are counted.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pyfastcdc import FastCDC

from benchmarks.model_pairs import Pair, Revision, pairs

ENTRY = 36
ROOT = Path(__file__).parents[1]
Cut = Callable[[Revision], Iterator[int]]
"""Gives the sizes of the chunks, in order."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared/models", help="the real models")
    parser.add_argument("--large", type=int, default=256, help="MiB of the large model")
    options = parser.parse_args()
    demo, shared = ROOT / "demo/models", options.shared
    gguf = {"assistant": demo / "assistant/assistant.gguf", "stories": shared / "gguf/stories260K.gguf"}
    onnx_files = {
        "inspection": demo / "inspection/inspection.onnx",
        "squeezenet": shared / "image-classifier/squeezenet_fp16.onnx",
        "weeds": shared / "weed-detector/weed_yolox_nano.onnx",
    }
    print(f"{'pair':44} {'size':>11} {'changed':>11}  {'  '.join(f'{name:>16}' for name in CUTS)}")
    for pair in pairs(_there(gguf), _there(onnx_files), options.large):
        cells = "  ".join(f"{_cell(pair, cut):>16}" for cut in CUTS.values())
        print(f"{pair.name:44} {len(pair.new.data):>11} {pair.changed:>11}  {cells}")
    _speed()


def _there(files: dict[str, Path]) -> dict[str, Path]:
    return {name: file for name, file in files.items() if file.is_file()}


def fixed(size: int) -> Cut:
    return lambda revision: _split(len(revision.data), size)


def by_content(size: int) -> Cut:
    return lambda revision: (chunk.length for chunk in FastCDC(size).cut_buf(revision.data))


def by_tensors(most: int) -> Cut:
    """A chunk for each tensor, and for what lies between; a large one in pieces of at most `most` bytes."""

    def cut(revision: Revision) -> Iterator[int]:
        at = 0
        for offset, size in revision.spans:
            yield from _split(offset - at, most)
            yield from _split(size, most)
            at = offset + size
        yield from _split(len(revision.data) - at, most)

    return cut


CUTS: dict[str, Cut] = {
    "fixed 64K": fixed(1 << 16),
    "content 8K": by_content(1 << 13),
    "content 16K": by_content(1 << 14),
    "content 64K": by_content(1 << 16),
    "content 256K": by_content(1 << 18),
    "tensors 256K": by_tensors(1 << 18),
    "tensors 1M": by_tensors(1 << 20),
}


def _split(length: int, most: int) -> Iterator[int]:
    while length > 0:
        yield min(length, most)
        length -= most


def _cell(pair: Pair, cut: Cut) -> str:
    had = {digest for digest, _ in _chunks(pair.old, cut)}
    new = list(_chunks(pair.new, cut))
    read = sum({digest: size for digest, size in new if digest not in had}.values()) + ENTRY * len(new)
    return f"{read / pair.changed:.1%} {len(new):>5}" if pair.changed < read * 100 else f"{read} B {len(new)}"


def _chunks(revision: Revision, cut: Cut) -> Iterator[tuple[bytes, int]]:
    at, view = 0, memoryview(revision.data)
    for size in cut(revision):
        yield hashlib.sha256(view[at : at + size]).digest(), size
        at += size


def _speed() -> None:
    data = hashlib.shake_256(b"weights").digest(1 << 26)
    for size in (1 << 14, 1 << 16, 1 << 18):
        start = time.perf_counter()
        count = sum(1 for _ in FastCDC(size).cut_buf(data))
        seconds = time.perf_counter() - start
        print(f"cutting by content at {size >> 10} KiB: {len(data) / seconds / 1e9:.1f} GB/s, {count} chunks")


if __name__ == "__main__":
    main()
