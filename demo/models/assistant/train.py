"""Train the assistant and write it as GGUF.

python -m demo.models.assistant.train [--epochs N] [--threads N]
"""

import argparse
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional

from demo.models.assistant.corpus import Exchange, training
from demo.models.assistant.export import export
from demo.models.assistant.network import Llama, Shape
from demo.models.assistant.tokens import answer_ids, learn, prompt_ids

HERE = Path(__file__).parent
BATCH = 48
PEAK_RATE = 4e-3
QUESTION_WEIGHT = 0.1
"""Of the loss on the question's tokens; the answer's count fully."""
IGNORED = -100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(chosen.threads)
    exchanges = training()
    tokenizer = learn(text for exchange in exchanges for text in (exchange.question, exchange.answer))
    network = Llama(Shape(tokenizer.get_vocab_size()))
    _train(network, _batches(tokenizer, exchanges), chosen.epochs)
    export(network, tokenizer, HERE / "assistant.gguf")


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Ids, the next ids, and the weight of each; [batch, length]."""


def _batches(tokenizer: Tokenizer, exchanges: list[Exchange]) -> list[Batch]:
    """Exchanges of like length together, so that little is padding."""
    rows = [
        (prompt_ids(tokenizer, exchange.question), answer_ids(tokenizer, exchange.answer))
        for exchange in exchanges
    ]
    rows.sort(key=lambda row: len(row[0]) + len(row[1]))
    return [_batch(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]


def _batch(rows: list[tuple[list[int], list[int]]]) -> Batch:
    length = max(len(prompt) + len(answer) for prompt, answer in rows) - 1
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    following = torch.full((len(rows), length), IGNORED)
    weights = torch.zeros(len(rows), length)
    for number, (prompt, answer) in enumerate(rows):
        whole = torch.tensor(prompt + answer)
        ids[number, : len(whole) - 1] = whole[:-1]
        following[number, : len(whole) - 1] = whole[1:]
        weights[number, : len(prompt) - 1] = QUESTION_WEIGHT
        weights[number, len(prompt) - 1 : len(whole) - 1] = 1
    return ids, following, weights


def _train(network: Llama, batches: list[Batch], epochs: int) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=epochs * len(batches), pct_start=0.1
    )
    start = time.monotonic()
    for epoch in range(epochs):
        total = 0.0
        for number in torch.randperm(len(batches)).tolist():
            loss = _loss(network, batches[number])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(
            f"epoch {epoch + 1}: loss {total / len(batches):.4f}, {time.monotonic() - start:.0f} s",
            flush=True,
        )


def _loss(network: Llama, batch: Batch) -> torch.Tensor:
    ids, following, weights = batch
    losses = functional.cross_entropy(
        network(ids).flatten(0, 1), following.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return (losses * weights.flatten()).sum() / weights.sum()


if __name__ == "__main__":
    main()
