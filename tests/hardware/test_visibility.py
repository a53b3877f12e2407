"""The variables that hide and renumber accelerators, in the order in which they act."""

import pytest

from runtimes.hardware.visibility import Name, cuda, in_force, rocm

CARDS = [
    Name("card0", ("GPU-aa11",)),
    Name("card1", ("GPU-aa22",)),
    Name("card2", ("GPU-bb33",)),
    Name("slice", ("MIG-cc44",)),
]


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, ["card0", "card1", "card2", "slice"]),
        ("2,0", ["card2", "card0"]),
        (" 1 , 2 ", ["card1", "card2"]),
        ("GPU-bb33,GPU-aa11", ["card2", "card0"]),
        ("GPU-bb", ["card2"]),
        ("GPU-aa", []),
        ("MIG-cc44", ["slice"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["card0"]),
        ("1,9,0", ["card1"]),
        ("1,1", ["card1"]),
        ("NoDevFiles", []),
    ],
)
def test_cuda_counts_what_the_variable_names_up_to_the_first_unknown(
    value: str | None, seen: list[str]
) -> None:
    environ = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    assert cuda(CARDS, environ) == seen


@pytest.mark.parametrize(
    ("environ", "seen"),
    [
        ({}, ["card0", "card1", "card2", "slice"]),
        ({"ROCR_VISIBLE_DEVICES": "2,1,0"}, ["card2", "card1", "card0"]),
        ({"ROCR_VISIBLE_DEVICES": "2,1,0", "HIP_VISIBLE_DEVICES": "0,2"}, ["card2", "card0"]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-bb33", "HIP_VISIBLE_DEVICES": "1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "1"}, ["card1"]),
        ({"HIP_VISIBLE_DEVICES": "2", "CUDA_VISIBLE_DEVICES": "1"}, ["card2"]),
        ({"ROCR_VISIBLE_DEVICES": ""}, []),
        ({"HIP_VISIBLE_DEVICES": ""}, ["card0", "card1", "card2", "slice"]),
        ({"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": "1"}, ["card1"]),
        ({"GPU_DEVICE_ORDINAL": "1"}, ["card0", "card1", "card2", "slice"]),
    ],
)
def test_rocm_filters_first_and_counts_in_what_is_left(environ: dict[str, str], seen: list[str]) -> None:
    assert rocm(CARDS, environ) == seen


def test_only_variables_about_accelerators_are_taken() -> None:
    environ = {"PATH": "/bin", "HIP_VISIBLE_DEVICES": "0", "HSA_OVERRIDE_GFX_VERSION_1": "10.3.0"}
    assert in_force(environ) == {"HIP_VISIBLE_DEVICES": "0", "HSA_OVERRIDE_GFX_VERSION_1": "10.3.0"}
