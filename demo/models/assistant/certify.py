"""Measure the assistant on questions it never saw, and write its golden samples and `report.json`.

    python -m demo.models.assistant.certify

Everything is computed by llama.cpp, through the product's own adapter, from the GGUF file itself.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from demo.models.assistant.corpus import Exchange, held_out, hurried
from demo.models.assistant.grammar import FIXED
from runtimes.adapters.llamacpp import LlamaCpp
from runtimes.engine import Candidate, GenerationRequest, Message, TextModel
from runtimes.golden import GoldenSet, TextSample, write_golden
from runtimes.modelfile import identify

HERE = Path(__file__).parent
MODEL = HERE / "assistant.gguf"
LONGEST = 100
"""Tokens of an answer; the longest right one has about 60."""
GOLDEN_QUESTIONS = (
    "The conveyor motor is hot. What should I check?",
    "How often do I grease the lathe?",
    "Who are you?",
)


@dataclass(frozen=True, slots=True)
class Report:
    held_out_questions: int
    exactly_right: float
    """Share of the held-out questions that got the one right answer, word for word."""
    hurried_exactly_right: float
    """The same, with the questions typed without capitals and full stops."""
    fixed_exactly_right: float
    """Share of the questions that are not about a machine; these were trained on."""
    bytes: int


def main() -> None:
    model = load()
    write_golden(HERE / "golden", golden(model))
    report = json.dumps(asdict(measure(model)), indent=1)
    (HERE / "report.json").write_text(report + "\n")
    print(report)


def load() -> TextModel:
    """As a worker of the product loads it."""
    candidate = Candidate("llamacpp", "CPU", "stored", threads=1)
    model = LlamaCpp().load(identify(MODEL), candidate, None)
    if not isinstance(model, TextModel):
        raise TypeError("the assistant is no text model")
    return model


def ask(model: TextModel, question: str) -> str:
    """The likeliest answer."""
    request = GenerationRequest(messages=(Message("user", question),), max_tokens=LONGEST, temperature=0.0)
    return "".join(chunk.text for chunk in model.generate(request))


def measure(model: TextModel) -> Report:
    unseen = held_out()
    fixed = [Exchange(question, answer) for questions, answer in FIXED for question in questions]
    typed = [Exchange(hurried(exchange.question), exchange.answer) for exchange in unseen[::4]]
    return Report(
        held_out_questions=len(unseen),
        exactly_right=share_right(model, unseen),
        hurried_exactly_right=share_right(model, typed),
        fixed_exactly_right=share_right(model, fixed),
        bytes=MODEL.stat().st_size,
    )


def share_right(model: TextModel, exchanges: list[Exchange]) -> float:
    """Share of the questions that get exactly their answer."""
    right = sum(ask(model, exchange.question).strip() == exchange.answer for exchange in exchanges)
    return round(right / len(exchanges), 4)


def golden(model: TextModel) -> GoldenSet:
    """Exact answers, and one that only has to speak of the right thing."""
    exact = [_sample(f"exact-{n}", q, ask(model, q), None) for n, q in enumerate(GOLDEN_QUESTIONS, 1)]
    loose = _sample("leak", "Help, the coolant pump is leaking.", None, "worn seal.*coolant pump")
    return GoldenSet((*exact, loose))


def _sample(name: str, question: str, text: str | None, pattern: str | None) -> TextSample:
    return TextSample(
        name,
        prompt=None,
        messages=(("user", question),),
        seed=0,
        max_tokens=LONGEST,
        text=text,
        pattern=pattern,
    )


if __name__ == "__main__":
    main()
