"""Which ways to run a model are there on this machine? Every installed engine is asked, in a child process."""

import asyncio
import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runtimes.engine import Candidate, ModelFile, Rejection
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import RuntimePack
from runtimes.selection.devices import accelerator_of, free_memory
from runtimes.worker.probing import probe

CPU = "CPU"
_MEMORY_MARGIN = 1.1
"""A loaded model takes at least its file's size, and something to compute in."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One candidate, and the pack whose workers can run it."""

    pack: RuntimePack
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Survey:
    """What all engines together answered."""

    offers: tuple[Offer, ...]
    """In the order in which to try them: every engine's best guess first, then every engine's second, and so on."""
    rejections: tuple[Rejection, ...]


async def survey(
    packs: Sequence[RuntimePack], model: ModelFile, hardware: HardwareProfile, *, at_once: bool = False
) -> Survey:
    """Ask every engine, as many at a time as there are processors. An engine that dies is a rejection.

    Candidates with several streams are left out unless `at_once`: each request gets a part of the threads, so they
    only serve where many requests come at once.
    """
    turns = asyncio.Semaphore(max(1, os.cpu_count() or 1))

    async def ask(pack: RuntimePack) -> list[Offer | Rejection]:
        async with turns:
            return await _ask(pack, model, hardware)

    answers = [
        [refuse_without_memory(answer, model, hardware) for answer in answered]
        for answered in await asyncio.gather(*(ask(pack) for pack in packs))
    ]
    offers = (
        [a for a in answered if isinstance(a, Offer) and (at_once or a.candidate.streams == 1)]
        for answered in answers
    )
    return Survey(
        offers=tuple(_round_robin(offers)),
        rejections=tuple(a for answered in answers for a in answered if isinstance(a, Rejection)),
    )


async def _ask(pack: RuntimePack, model: ModelFile, hardware: HardwareProfile) -> list[Offer | Rejection]:
    try:
        probed = await probe(pack.engine, model, hardware, pack.interpreter)
    except EngineError as error:
        return [Rejection(pack.engine, "", error.code, error.what, pack.mark)]
    answers = (replace(answer, pack=pack.mark) for answer in probed.candidates)
    return [Offer(pack, answer) if isinstance(answer, Candidate) else answer for answer in answers]


def refuse_without_memory(
    answer: Offer | Rejection, model: ModelFile, hardware: HardwareProfile
) -> Offer | Rejection:
    """The answer, or a rejection where what it would run on has too little memory for the model's file."""
    if isinstance(answer, Rejection):
        return answer
    candidate = answer.candidate
    card = accelerator_of(candidate, hardware)
    usable = None if card is None and candidate.device != CPU else free_memory(card, hardware)
    needed = round(model.size * _MEMORY_MARGIN)
    if usable is None or needed <= usable:
        return answer
    who = card.name if card is not None and not card.integrated else "this machine"
    return Rejection(
        candidate.engine,
        candidate.device,
        "memory.insufficient",
        f"the model needs at least {needed / 2**20:,.0f} MiB, {who} has {usable / 2**20:,.0f} MiB for it",
        answer.pack.mark,
    )


def _round_robin(queues: Iterable[Sequence[Offer]]) -> list[Offer]:
    rounds = itertools.zip_longest(*queues)
    return [offer for turn in rounds for offer in turn if offer is not None]
