"""Artifacts made of wheels: what fits a machine is told by names alone, and what says nothing is refused."""

from pathlib import Path

import pytest
from packaging.tags import Tag, parse_tag

from tests.runtimes.packs.toy_wheels import toy_wheels
from updates.depot.repository import Depot
from updates.depot.wheels import RuntimeArtifact, SoftwareArtifact, add_runtime, add_software
from updates.digest import Digest
from updates.errors import DepotError, MediumError
from updates.manifest import Descriptor, Manifest, parse_manifest
from updates.wheels import (
    RUNTIME_TYPE,
    SOFTWARE_TYPE,
    WHEEL_TYPE,
    RuntimeFacts,
    WheelName,
    fitting,
    runtime_facts,
    wheel_contents,
)

HERE = tuple(
    Tag(python, abi, platform)
    for python, abi, platform in (
        ("cp311", "cp311", "manylinux_2_28_x86_64"),
        ("cp311", "cp311", "manylinux_2_17_x86_64"),
        ("py3", "none", "any"),
    )
)


def test_of_each_project_the_best_fitting_wheel_is_chosen() -> None:
    best, lacking = fitting(
        [
            "numpy-2.2.0-py3-none-any.whl",
            "numpy-2.2.0-cp311-cp311-manylinux_2_17_x86_64.whl",
            "numpy-2.2.0-cp311-cp311-manylinux_2_28_x86_64.manylinux_2_17_x86_64.whl",
            "numpy-2.2.0-cp311-cp311-manylinux_2_17_aarch64.whl",
            "Ml_Dtypes-1-cp312-cp312-manylinux_2_17_x86_64.whl",
        ],
        HERE,
    )
    assert best == {"numpy": "numpy-2.2.0-cp311-cp311-manylinux_2_28_x86_64.manylinux_2_17_x86_64.whl"}
    assert lacking == {"ml-dtypes": parse_tag("cp312-cp312-manylinux_2_17_x86_64")}


@pytest.mark.parametrize("name", ["numpy.whl", "numpy-2-py3-none-any.zip", "a-b-c-d-e-f-g.whl", ""])
def test_a_name_that_is_no_wheels_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no wheel's name"):
        WheelName.parse(name)


def test_a_runtime_is_added_with_its_facts_and_read_again(tmp_path: Path) -> None:
    depot = Depot.create(tmp_path / "depot")
    wheels = toy_wheels(tmp_path / "wheels")
    runtime = RuntimeArtifact("toy", "7.1", wheels, "toy", needs="Needs patience.", licence="MIT")
    added = add_runtime(depot, runtime)
    assert added.identity.target_path == "runtimes/toy/7.1/manifest.json"
    manifest = parse_manifest(depot.blobs.path(added.digest).read_bytes(), "manifest")
    contents = wheel_contents(manifest, RUNTIME_TYPE, "manifest")
    assert sorted(contents.wheels) == ["links-1-py3-none-any.whl", "toy_engine-7.1-py3-none-any.whl"]
    assert runtime_facts(contents, "manifest") == RuntimeFacts("toy", needs="Needs patience.", licence="MIT")
    assert manifest.file("evidence/bom.cdx.json")
    with pytest.raises(MediumError, match=r"is not application/vnd\.internal"):
        wheel_contents(manifest, SOFTWARE_TYPE, "manifest")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "there are none"),
        (("other-1-py3-none-any.whl",), "not one wheel of appliance, but 0"),
        (("appliance-1.0-py3-none-any.whl", "appliance-2.0-py3-none-any.whl"), "but 2"),
        (("appliance-1.0rc1-py3-none-any.whl",), "is no version"),
        (("appliance-1.0-py3-none-any.whl", "dep-1.tar.gz"), "dep-1.tar.gz is no wheel"),
    ],
)
def test_what_is_no_release_is_not_added(names: tuple[str, ...], said: str, tmp_path: Path) -> None:
    depot = Depot.create(tmp_path / "depot")
    whole = next(toy_wheels(tmp_path / "toy").glob("toy*")).read_bytes()
    (tmp_path / "wheels").mkdir()
    for name in names:
        (tmp_path / "wheels" / name).write_bytes(whole)
    with pytest.raises(DepotError, match=said) as refused:
        add_software(depot, SoftwareArtifact(tmp_path / "wheels"))
    assert refused.value.code == "depot.bad-wheels"
    assert depot.artifacts() == ()


@pytest.mark.parametrize(
    "layers",
    [
        [Descriptor("text/plain", Digest.of(b"x"), 1, "wheels/a-1-py3-none-any.whl")],
        [Descriptor(WHEEL_TYPE, Digest.of(b"x"), 1, "wheels/a.whl")],
        [Descriptor(WHEEL_TYPE, Digest.of(b"x"), 1, "wheels/deeper/a-1-py3-none-any.whl")],
    ],
)
def test_a_manifest_without_usable_wheels_is_refused(layers: list[Descriptor]) -> None:
    manifest = Manifest(Descriptor("text/plain", Digest.of(b"{}"), 2), tuple(layers), RUNTIME_TYPE)
    with pytest.raises(MediumError) as refused:
        wheel_contents(manifest, RUNTIME_TYPE, "m")
    assert refused.value.code == "medium.malformed"


def test_a_runtime_that_does_not_name_its_engine_is_refused() -> None:
    layer = Descriptor(WHEEL_TYPE, Digest.of(b"x"), 1, "wheels/a-1-py3-none-any.whl")
    manifest = Manifest(Descriptor("text/plain", Digest.of(b"{}"), 2), (layer,), RUNTIME_TYPE)
    with pytest.raises(MediumError, match="does not say its 'engine'"):
        runtime_facts(wheel_contents(manifest, RUNTIME_TYPE, "m"), "m")
