"""Writes small GGUF files (version 3, as llama.cpp's `docs/gguf.md` lays them out) with random weights."""

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Value = int | float | bool | str | list[str] | list[float] | list[int]
_ALIGNMENT = 32
_WIDTH, _LAYERS, _FEED_FORWARD = 32, 2, 48


def tiny_llama(path: Path, **metadata: Value) -> Path:
    """A llama of two layers over bytes: it babbles, deterministically. Context 64 tokens."""
    rng = np.random.default_rng(7)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += [chr(letter) for letter in range(ord("a"), ord("z") + 1)] + ["▁"]

    def weights(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.6, shape).astype(np.float32)

    tensors = {
        "token_embd.weight": weights(len(tokens), _WIDTH),
        "output_norm.weight": np.ones(_WIDTH, np.float32),
        "output.weight": weights(len(tokens), _WIDTH),
    }
    for layer in range(_LAYERS):
        for name, shape in {
            "attn_q": (_WIDTH, _WIDTH),
            "attn_k": (_WIDTH, _WIDTH),
            "attn_v": (_WIDTH, _WIDTH),
            "attn_output": (_WIDTH, _WIDTH),
            "ffn_gate": (_FEED_FORWARD, _WIDTH),
            "ffn_up": (_FEED_FORWARD, _WIDTH),
            "ffn_down": (_WIDTH, _FEED_FORWARD),
        }.items():
            tensors[f"blk.{layer}.{name}.weight"] = weights(*shape)
        tensors[f"blk.{layer}.attn_norm.weight"] = np.ones(_WIDTH, np.float32)
        tensors[f"blk.{layer}.ffn_norm.weight"] = np.ones(_WIDTH, np.float32)
    about: dict[str, Value] = {
        "general.architecture": "llama",
        "llama.context_length": 64,
        "llama.embedding_length": _WIDTH,
        "llama.block_count": _LAYERS,
        "llama.feed_forward_length": _FEED_FORWARD,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 4,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": _WIDTH // 4,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * 27,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
    }
    path.write_bytes(_gguf({**about, **metadata}, tensors))
    return path


def _gguf(metadata: Mapping[str, Value], tensors: Mapping[str, NDArray[np.float32]]) -> bytes:
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
    for key, value in metadata.items():
        out += _string(key) + _value(value)
    offset = 0
    for name, tensor in tensors.items():
        dimensions = tensor.shape[::-1]
        out += _string(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, 0, offset)
        offset += tensor.nbytes + -tensor.nbytes % _ALIGNMENT
    out += bytes(-len(out) % _ALIGNMENT)
    for tensor in tensors.values():
        out += tensor.tobytes() + bytes(-tensor.nbytes % _ALIGNMENT)
    return bytes(out)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value) -> bytes:
    if not isinstance(value, list):
        kind, raw = _plain(value)
        return struct.pack("<I", kind) + raw
    if isinstance(value[0], int):
        return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    return struct.pack("<IIQ", 9, _plain(value[0])[0], len(value)) + b"".join(_plain(v)[1] for v in value)


def _plain(value: float | str) -> tuple[int, bytes]:
    """Type number and bytes; a bool is an int to Python, so it comes first."""
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    return 8, _string(value)
