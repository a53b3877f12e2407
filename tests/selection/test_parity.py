"""When an answer counts as the golden one, and how a wrong one is told."""

import math
from typing import Any

import numpy as np
import pytest

from runtimes.engine import Tensor
from runtimes.golden import GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.selection.parity import Comparison, compare_tensors, compare_text, conclude


def compare(want: Tensor, got: Tensor | None, **tolerance: Any) -> Comparison:
    sample = TensorSample("s", {}, {"y": want})
    golden = GoldenSet((sample,), Tolerance(**{"absolute": 0.01, "relative": 0.0, **tolerance}))
    (comparison,) = compare_tensors(sample, {} if got is None else {"y": got}, golden)
    return comparison


def floats(*values: float) -> Tensor:
    return np.array(values, np.float32)


def words(*values: str) -> Tensor:
    tensor = np.empty(len(values), np.object_)
    tensor[:] = [value.encode() for value in values]
    return tensor


def text(**more: Any) -> TextSample:
    return TextSample(**{"name": "hello", "prompt": "Hi", "messages": (), "seed": 0, "max_tokens": 4, "text": None, "pattern": None, **more})  # fmt: skip


def test_the_same_numbers_are_within() -> None:
    comparison = compare(floats(1, -2), floats(1, -2))
    assert (comparison.within, comparison.excess, comparison.error) == (True, 0.0, 0.0)


def test_an_error_up_to_absolute_plus_relative_is_within() -> None:
    want = np.array([100.0])
    assert compare(want, np.array([101.0]), absolute=0.5, relative=0.005).within
    assert not compare(want, np.array([101.01]), absolute=0.5, relative=0.005).within


def test_a_larger_error_is_told_with_what_is_tolerated_there() -> None:
    comparison = compare(floats(0.5, 0.2), floats(0.5, 0.235))
    assert not comparison.within
    assert comparison.error == pytest.approx(0.035)
    assert comparison.excess == pytest.approx(3.5)
    assert comparison.reason == "s/y moved by 0.035 where 0.01 is tolerated"


def test_the_reason_is_about_the_element_that_is_most_out_of_tolerance_not_the_largest_error() -> None:
    comparison = compare(np.array([1000.0, 0.0]), np.array([1005.0, 1.0]), absolute=0.1, relative=0.01)
    assert comparison.reason == "s/y moved by 1 where 0.1 is tolerated"
    assert comparison.error == pytest.approx(5.0)


def test_no_tolerance_at_all_wants_equality() -> None:
    assert compare(floats(1), floats(1), absolute=0.0).within
    assert not compare(floats(1), np.nextafter(floats(1), floats(2)), absolute=0.0).within


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_right_only_where_it_is_expected(value: float) -> None:
    assert compare(floats(value, 1), floats(value, 1)).within
    assert not compare(floats(1, 1), floats(value, 1)).within
    assert not compare(floats(value, 1), floats(1, 1)).within


def test_infinities_of_opposite_sign_differ() -> None:
    assert not compare(floats(math.inf), floats(-math.inf), relative=1.0).within


def test_nan_in_an_answer_is_counted_and_named() -> None:
    comparison = compare(floats(1, 2, 3), floats(1, math.nan, math.nan))
    assert comparison.reason == "2 of 3 values of s/y are NaN"
    assert comparison.error is None


def test_no_relative_tolerance_excuses_an_infinite_answer() -> None:
    assert not compare(floats(1), floats(math.inf), relative=1e30).within


@pytest.mark.parametrize(
    ("want", "got", "said"),
    [
        (np.zeros((1, 2), np.float32), np.zeros((2, 1), np.float32), "shape [2, 1], expected [1, 2]"),
        (np.zeros(2, np.float32), np.zeros(2, np.float16), "is FP16, expected FP32"),
        (np.zeros(2, np.int64), np.zeros(2, np.int32), "is INT32, expected INT64"),
        (np.zeros(2, np.float32), None, "no output s/y"),
    ],
)
def test_another_shape_or_type_is_wrong_whatever_the_tolerance(
    want: Tensor, got: Tensor | None, said: str
) -> None:
    comparison = compare(want, got, absolute=1e9)
    assert not comparison.within
    assert said in comparison.reason


def test_unsigned_numbers_do_not_wrap_around() -> None:
    assert compare(np.array([0], np.uint8), np.array([1], np.uint8), absolute=1.0).within
    assert not compare(np.array([0], np.uint8), np.array([255], np.uint8), absolute=1.0).within


def test_integers_beyond_the_precision_of_floats_are_told_apart() -> None:
    large = np.array([2**60], np.int64)
    assert compare(large, large).within
    assert not compare(large, large + 1).within


def test_truth_values_and_strings_must_be_equal() -> None:
    assert compare(np.array([True]), np.array([True])).within
    assert not compare(np.array([True, True]), np.array([True, False]), absolute=9.0).within
    assert compare(words("ok"), words("ok")).within
    assert compare(words("ok", "no"), words("ok", "yes")).reason == (
        "s/y differs in 1 of 2 elements, first 'yes' instead of 'no'"
    )


def test_an_empty_output_is_equal_to_an_empty_one() -> None:
    assert compare(np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32)).within


def test_an_output_of_no_dimensions_is_compared() -> None:
    assert compare(np.array(1.0), np.array(1.005)).within
    assert not compare(np.array(1.0), np.array(1.5)).within


def test_an_output_is_held_to_its_own_tolerance() -> None:
    sample = TensorSample("s", {}, {"boxes": floats(100), "scores": floats(0.5)})
    golden = GoldenSet((sample,), Tolerance(0.01, 0.0), {"boxes": Tolerance(2.0, 0.0)})
    boxes, scores = compare_tensors(sample, {"boxes": floats(101.5), "scores": floats(0.52)}, golden)
    assert boxes.within
    assert not scores.within


def test_text_is_equal_or_told_where_it_begins_to_differ() -> None:
    sample = text(text="The pump is hot.")
    assert compare_text(sample, "The pump is hot.", matches=False).within
    wrong = compare_text(sample, "The pump is cold.", matches=False)
    assert wrong.reason == "the text of sample hello differs from character 13 on: 'cold.' instead of 'hot.'"
    assert "ends after 8 characters" in compare_text(sample, "The pump", matches=False).reason
    assert "goes on after 16" in compare_text(sample, "The pump is hot. Stop", matches=False).reason


def test_text_with_a_pattern_is_judged_by_the_match() -> None:
    sample = text(pattern="bearing")
    assert compare_text(sample, "check the bearing", matches=True).within
    wrong = compare_text(sample, "x" * 200, matches=False)
    assert not wrong.within
    assert "'bearing'" in wrong.reason
    assert len(wrong.reason) < 200


def test_the_verdict_names_the_worst_sample_of_all() -> None:
    parity, reason = conclude(
        [
            Comparison("a/y", within=True, excess=0.9, error=9.0),
            Comparison("b/y", within=False, excess=1.1, error=0.011, reason="b moved"),
            Comparison("c/y", within=False, excess=7.0, error=0.07, reason="c moved"),
        ]
    )
    assert (parity.within, parity.worst_sample, parity.worst_error, reason) == (False, "c/y", 9.0, "c moved")


def test_a_wrong_sample_is_worse_than_any_that_is_right() -> None:
    right = Comparison("a", within=True, excess=0.99, error=5.0)
    parity, reason = conclude([right, Comparison("b", within=False, excess=math.inf, reason="is NaN")])
    assert (parity.worst_sample, reason) == ("b", "is NaN")


def test_where_all_are_equal_no_sample_is_named() -> None:
    parity, reason = conclude([Comparison("a", within=True, excess=0.0, error=0.0)])
    assert (parity.within, parity.worst_sample, parity.worst_error, reason) == (True, None, 0.0, "")


ORDER = {"absolute": math.inf, "relative": 0.0}


def test_where_only_the_order_counts_values_may_move_and_places_among_the_largest_may_swap() -> None:
    want, got = floats(9, 8, 7, 1, 0), floats(70, 90, 80, 5, 6)
    assert compare(want, got, top_k=3, **ORDER).within
    assert compare(want, floats(9, 8, 1, 7, 0), top_k=2, **ORDER).within
    comparison = compare(want, floats(9, 8, 1, 7, 0), top_k=3, **ORDER)
    assert not comparison.within
    assert comparison.reason == "67% of the 3 largest of s/y are the expected ones where 100% are asked for"


def test_the_largest_are_those_of_each_row_and_agree_on_the_average() -> None:
    want = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    got = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert compare(want, got, top_k=1, agreement=0.5, **ORDER).within
    assert not compare(want, got, top_k=1, agreement=0.51, **ORDER).within


def test_equal_values_are_as_good_as_each_other_among_the_largest() -> None:
    assert compare(floats(5, 5, 5, 0), floats(0, 1, 9, 0), top_k=1, **ORDER).within


def test_the_order_is_asked_for_beside_the_distance() -> None:
    want, got = floats(0.500, 0.499), floats(0.499, 0.500)
    assert compare(want, got).within
    assert not compare(want, got, top_k=1).within


def test_nan_is_no_largest_value() -> None:
    assert not compare(floats(3, 2, 1), floats(math.nan, 2, 1), top_k=1, **ORDER).within


def test_more_largest_than_there_are_values_asks_for_nothing() -> None:
    assert compare(floats(3, 2), floats(2, 3), top_k=10, **ORDER).within
