"""Versions of a pack lie side by side; a link says which one counts, and a plan's own version runs on."""

import hashlib
import sys
from pathlib import Path

import pytest

from runtimes.engine import Candidate
from runtimes.errors import EngineError
from runtimes.packs import broken_packs, installed_packs, interpreter_of, versions_of_packs
from runtimes.packs.environment import NotDoneError, pip
from runtimes.packs.installed import pack_of
from runtimes.packs.offline import COMMAND
from runtimes.packs.places import place_of
from runtimes.packs.versions import PackContents, current, install, remove, switch
from runtimes.packs.wheels import Wheel
from tests.runtimes.packs.toy_wheels import toy_wheels

TOY = Candidate("toy", "CPU", "f32", 1, pack="toy-pack")


def contents(wheels: Path, version: str = "7.1", **changed: str) -> PackContents:
    told = {"engine": "toy", "adapter": "", "needs": "Needs patience."} | changed
    found = (
        Wheel(f.name, f, hashlib.sha256(f.read_bytes()).hexdigest()) for f in sorted(wheels.glob("*.whl"))
    )
    return PackContents("toy-pack", version, told["engine"], told["adapter"], told["needs"], tuple(found))


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_wheels(tmp_path_factory.mktemp("toy") / "wheels")


async def test_two_versions_stand_side_by_side_and_each_is_found_by_who_was_measured_with_it(
    wheels: Path, tmp_path: Path
) -> None:
    described = await install(contents(wheels, "7.1"), tmp_path)
    assert (described.name, described.version) == ("toy", "7.1")
    assert [pack for pack in installed_packs([tmp_path]) if pack.folder] == []
    assert broken_packs([tmp_path]) == ()
    switch(tmp_path, "toy-pack", "7.1")
    await install(contents(wheels, "7.2"), tmp_path)
    assert current(tmp_path, "toy-pack") == "7.1"
    switch(tmp_path, "toy-pack", "7.2")
    (pack,) = (pack for pack in installed_packs([tmp_path]) if pack.folder is not None)
    assert (pack.name, pack.version, pack.folder) == (
        "toy-pack",
        "7.2",
        place_of(tmp_path, "toy-pack", "7.2"),
    )
    assert pack_of(TOY, [tmp_path], "7.1").folder == place_of(tmp_path, "toy-pack", "7.1")
    assert pack_of(TOY, [tmp_path], "6.0").version == "7.2"
    assert {pack.version for pack in versions_of_packs([tmp_path])} == {"7.1", "7.2"}
    remove(tmp_path, "toy-pack", "7.1")
    assert pack_of(TOY, [tmp_path], "7.1").version == "7.2"
    remove(tmp_path, "toy-pack", "7.2")
    assert left_in(tmp_path) == []
    with pytest.raises(EngineError) as caught:
        interpreter_of(TOY, [tmp_path])
    assert caught.value.code == "pack.missing"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"engine": "absent"}, "does not start"),
        ({"adapter": "toy_engine:Absent", "engine": "other"}, "does not start"),
    ],
)
async def test_a_version_whose_engine_does_not_start_leaves_nothing(
    changed: dict[str, str], said: str, wheels: Path, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=said) as refused:
        await install(contents(wheels, **changed), tmp_path)
    assert refused.value.code == "pack.not-made"
    assert left_in(tmp_path) == []


async def test_a_wheel_with_another_hash_is_not_installed(wheels: Path, tmp_path: Path) -> None:
    asked = contents(wheels)
    forged = PackContents(
        **{field: getattr(asked, field) for field in ("name", "version", "engine", "adapter", "needs")},
        wheels=tuple(Wheel(wheel.name, wheel.file, "0" * 64) for wheel in asked.wheels),
    )
    with pytest.raises(EngineError, match=r"(?i)hash"):
        await install(forged, tmp_path)
    assert left_in(tmp_path) == []


def test_what_fills_an_environment_has_no_network(tmp_path: Path) -> None:
    probe = "import socket\ntry: socket.socket(socket.AF_INET)\nexcept OSError as error: print(error.errno)"
    script = tmp_path / "probe.py"
    script.write_text(f"{probe}\nraise SystemExit(3)")
    with pytest.raises(NotDoneError, match="97"):  # EAFNOSUPPORT
        pip(Path(sys.executable), before=(*COMMAND, sys.executable, str(script)))
