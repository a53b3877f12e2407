"""What a file that is no model looks like, in words a person knows."""

import json
from collections.abc import Callable

_MAGIC = (
    (b"PK\x03\x04", "a zip archive (a PyTorch checkpoint is one too)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive; unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"\x89HDF\r\n", "an HDF5 file, as Keras writes them; export it to ONNX"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a Linux program or library"),
    (b"MZ", "a Windows program"),
    (b"\x93NUMPY", "a numpy array"),
    (b"ggml", "a model in the old GGML format; convert it to GGUF"),
    (b"lmgg", "a model in the old GGML format; convert it to GGUF"),
    (b"ggjt", "a model in the old GGJT format; convert it to GGUF"),
    (b"tjgg", "a model in the old GGJT format; convert it to GGUF"),
    (b"FUGG", "a GGUF file for big-endian machines; convert it"),
)


def lookalike(head: bytes, size: int) -> str | None:
    """Name what a file's first bytes say it is; None where they say nothing.

    Args:
        head: the first bytes, 4 KiB are enough.
        size: of the whole file, bytes.
    """
    if size == 0:
        return "an empty file (0 bytes)"
    return next((name for fits, name in _SHAPES if fits(head, size)), None) or _text(head)


def _is_safetensors(head: bytes, size: int) -> bool:
    """An unsigned 64-bit length, then so many bytes of JSON (safetensors format description)."""
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= size - 8 and head[8:9] == b"{" and head[9:10] in (b'"', b"}")


def _is_pickle(head: bytes) -> bool:
    """The PROTO opcode with a version that exists, then what a pickle may go on with."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and len(head) > 2


def _text(head: bytes) -> str | None:
    try:
        text = head[:2048].decode("utf-8")
    except UnicodeDecodeError:
        return None
    if any(not (c.isprintable() or c in "\r\n\t\f") for c in text):
        return None
    try:
        json.loads(head)
    except ValueError:
        return "a JSON text" if text.lstrip().startswith("{") else "plain text"
    return "a JSON text"


def _is_page(head: bytes) -> bool:
    return head.lstrip()[:64].lower().startswith((b"<!doctype html", b"<html", b"<head"))


_Shape = Callable[[bytes, int], bool]

_SHAPES: tuple[tuple[_Shape, str], ...] = (
    (
        lambda head, _: head.startswith(b"version https://git-lfs.github.com/spec/"),
        "a Git LFS pointer, not the file itself; fetch it with `git lfs pull`",
    ),
    (lambda head, _: not head.strip(b"\0"), "nothing but zero bytes, as an interrupted download leaves it"),
    (lambda head, _: _is_page(head), "a web page, perhaps a login or error page saved in the model's place"),
    *((lambda head, _, magic=magic: head.startswith(magic), name) for magic, name in _MAGIC),
    (lambda head, _: head[257:262] == b"ustar", "a tar archive; unpack it first"),
    (lambda head, _: head[4:8] == b"TFL3", "a TensorFlow Lite model; convert it to ONNX"),
    (_is_safetensors, "a safetensors file; convert it to ONNX or GGUF"),
    (
        lambda head, _: _is_pickle(head),
        "a Python pickle, as PyTorch writes them; it can run code, so export it to ONNX or GGUF",
    ),
)
