"""The committed language model does what its report says."""

import json
from collections.abc import Iterator

import pytest

from demo.models.assistant import certify
from demo.models.assistant.corpus import held_out, held_out_pairs, training
from demo.models.assistant.grammar import MACHINES, SYMPTOMS
from demo.models.inspection import certify as inspection
from runtimes.engine import TextModel
from runtimes.golden import TextSample, load_golden_folder


@pytest.fixture(scope="module")
def model() -> Iterator[TextModel]:
    loaded = certify.load()
    yield loaded
    loaded.close()


def test_nearly_all_unseen_questions_get_the_one_right_answer(model: TextModel) -> None:
    report = json.loads((certify.HERE / "report.json").read_text())
    assert report["exactly_right"] > 0.95
    assert certify.share_right(model, held_out()[::40]) > 0.9


def test_the_golden_answers_come_out_word_for_word(model: TextModel) -> None:
    for sample in load_golden_folder(certify.HERE / "golden").samples:
        assert isinstance(sample, TextSample)
        ((_, question),) = sample.messages
        if sample.text is not None:
            assert certify.ask(model, question) == sample.text


def test_what_it_does_not_know_it_says(model: TextModel) -> None:
    assert "only know about maintenance" in certify.ask(model, "What is the capital of France?")


def test_held_out_pairs_are_never_trained_on() -> None:
    names = {machine.name for machine in MACHINES}
    trained = {exchange.question for exchange in training()}
    assert held_out_pairs()
    assert all(name in names and number < len(SYMPTOMS) for name, number in held_out_pairs())
    assert not trained & {exchange.question for exchange in held_out()}


def test_both_models_together_are_small() -> None:
    assert certify.MODEL.stat().st_size + inspection.MODEL.stat().st_size < 5_000_000
