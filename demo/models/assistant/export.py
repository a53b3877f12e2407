"""Writes the network and its tokenizer as GGUF v3 (llama.cpp, docs/gguf.md)."""

import json
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from tokenizers import Tokenizer

from demo.models.assistant.network import Block, Llama
from demo.models.assistant.tokens import BEGIN, CHAT_TEMPLATE, END, SPECIAL

NAME = "Maintenance assistant"


def export(network: Llama, tokenizer: Tokenizer, file: Path) -> None:
    writer = GGUFWriter(file, "llama")
    _describe(writer, network)
    _add_tokenizer(writer, tokenizer)
    _add(writer, "token_embd.weight", network.embedding.weight)
    _add(writer, "output_norm.weight", network.norm.weight)
    for number, block in enumerate(network.blocks):
        _add_block(writer, f"blk.{number}", block)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: GGUFWriter, network: Llama) -> None:
    shape = network.shape
    writer.add_name(NAME)
    writer.add_license("Apache-2.0")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)


def _add_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer) -> None:
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.__getitem__)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in SPECIAL else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(ids[BEGIN])
    writer.add_eos_token_id(ids[END])
    writer.add_add_bos_token(value=True)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_block(writer: GGUFWriter, name: str, block: Block) -> None:
    for part, weight in (
        ("attn_norm", block.attention_norm.weight),
        ("attn_q", block.q.weight),
        ("attn_k", block.k.weight),
        ("attn_v", block.v.weight),
        ("attn_output", block.o.weight),
        ("ffn_norm", block.feed_forward_norm.weight),
        ("ffn_gate", block.gate.weight),
        ("ffn_up", block.up.weight),
        ("ffn_down", block.down.weight),
    ):
        _add(writer, f"{name}.{part}.weight", weight)


def _add(writer: GGUFWriter, name: str, weight: torch.Tensor) -> None:
    array = weight.detach().numpy()
    if array.ndim == 1:
        writer.add_tensor(name, array.astype(np.float32))
    else:
        writer.add_tensor(name, array.astype(np.float16), raw_dtype=GGMLQuantizationType.F16)
