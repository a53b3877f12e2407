"""The committed inspection network does what its report says."""

import json

import numpy as np
import onnxruntime
import pytest

from demo.models.inspection import certify
from demo.models.inspection.draw import LABELS, draw, draw_many
from runtimes.golden import TensorSample, load_golden_folder

UNSEEN = 1_500
"""First seed of pictures that neither training nor report has used."""


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(certify.MODEL, providers=["CPUExecutionProvider"])


def test_more_than_98_percent_of_unseen_parts_are_judged_right(session: onnxruntime.InferenceSession) -> None:
    report = json.loads((certify.HERE / "report.json").read_text())
    assert report["pictures"] >= 2_000
    assert report["accuracy"] > 0.98
    measured = certify.measure(session, 300, UNSEEN)
    assert measured.accuracy > 0.97  # 300 pictures leave a margin that 3,000 do not


def test_the_golden_samples_are_what_the_network_gives(session: onnxruntime.InferenceSession) -> None:
    golden = load_golden_folder(certify.HERE / "golden")
    seen = set()
    for sample in golden.samples:
        assert isinstance(sample, TensorSample)
        (scores,) = session.run(["scores"], dict(sample.inputs))
        np.testing.assert_allclose(scores, sample.outputs["scores"], atol=0.01)
        seen |= set(scores.argmax(axis=1).tolist())
    assert seen == set(range(len(LABELS)))


def test_labels_scores_and_batches_fit_together(session: onnxruntime.InferenceSession) -> None:
    assert (certify.HERE / "labels.txt").read_text().split() == list(LABELS)
    pictures, masks, numbers = draw_many(6, UNSEEN)
    scores = certify.scores(session, pictures)
    assert scores.shape == (len(numbers), len(LABELS))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert masks[numbers > 0].any(axis=(1, 2)).all()
    assert not masks[numbers == 0].any()


def test_the_same_seed_draws_the_same_part() -> None:
    assert (draw("dent", 7) == draw("dent", 7)).all()
    assert (draw("dent", 7) != draw("dent", 8)).any()
