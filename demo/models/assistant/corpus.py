"""Conversations from the grammar: those to learn from, and those that are held back."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from demo.models.assistant.grammar import (
    ANSWERED,
    ASKED,
    FIXED,
    GREASE_ANSWERED,
    GREASE_ASKED,
    MACHINES,
    PARTS_ANSWERED,
    PARTS_ASKED,
    SYMPTOMS,
    Machine,
    Symptom,
)

HELD_OUT_SHARE = 0.12
"""Share of the pairs of machine and symptom that are never trained on, in any words."""

FIXED_REPEATED = 50
"""The fixed exchanges are few; so often they stand beside thousands of questions about machines."""


@dataclass(frozen=True, slots=True)
class Exchange:
    question: str
    answer: str


def held_out_pairs(seed: int = 1) -> frozenset[tuple[str, int]]:
    """Pairs of a machine's name and a symptom's number, the same for a seed."""
    pairs = [(machine.name, number) for machine in MACHINES for number in range(len(SYMPTOMS))]
    return frozenset(random.Random(seed).sample(pairs, round(HELD_OUT_SHARE * len(pairs))))  # noqa: S311


def training() -> list[Exchange]:
    """Everything that may be learnt, each question as written and as people type it in a hurry."""
    hidden = held_out_pairs()
    asked = [
        exchange
        for machine, (number, symptom) in itertools.product(MACHINES, enumerate(SYMPTOMS))
        if (machine.name, number) not in hidden
        for exchange in _asked(machine, symptom)
    ]
    known = [*asked, *_maintenance(), *_fixed() * FIXED_REPEATED]
    return known + [Exchange(hurried(exchange.question), exchange.answer) for exchange in known[::2]]


def held_out() -> list[Exchange]:
    """Questions about pairs that were never trained on, with the one right answer to each."""
    hidden = held_out_pairs()
    return [
        exchange
        for machine, (number, symptom) in itertools.product(MACHINES, enumerate(SYMPTOMS))
        if (machine.name, number) in hidden
        for exchange in _asked(machine, symptom)
    ]


def hurried(question: str) -> str:
    """No capitals, no full stop at the end."""
    return question.lower().rstrip(".?")


def _asked(machine: Machine, symptom: Symptom) -> Iterator[Exchange]:
    answer = ANSWERED.format(
        m=machine.name, means=symptom.means, first=machine.first, second=machine.second, then=symptom.then
    )
    for words, said in itertools.product(ASKED, symptom.said):
        yield Exchange(words.format(m=machine.name, s=said), answer)


def _maintenance() -> Iterator[Exchange]:
    for machine in MACHINES:
        grease = GREASE_ANSWERED.format(m=machine.name, grease=machine.grease)
        if machine.grease.startswith("never"):
            grease = f"Grease the {machine.name} {machine.grease}."
        parts = PARTS_ANSWERED.format(m=machine.name, first=machine.first, second=machine.second)
        for _ in range(4):
            yield from (Exchange(words.format(m=machine.name), grease) for words in GREASE_ASKED)
            yield from (Exchange(words.format(m=machine.name), parts) for words in PARTS_ASKED)


def _fixed() -> list[Exchange]:
    return [Exchange(question, answer) for questions, answer in FIXED for question in questions]
