"""A pack is made by its recipe, from a folder of wheels and hashes alone; what does not start is not put in place."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from runtimes.engine import ModelFile
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import broken_packs, installed_packs
from runtimes.packs.known import ACCELERATED
from runtimes.packs.making import make_pack
from runtimes.packs.recipe import Recipe, read_recipe
from runtimes.selection.candidates import survey
from tests.runtimes import onnx_files
from tests.runtimes.packs.toy_wheels import toy_wheels

RECIPES = Path(__file__).parents[3] / "packaging" / "packs"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy engine without an entry point, and what makes this machine's numpy and msgspec importable."""
    return toy_wheels(tmp_path_factory.mktemp("toy") / "wheels", entry_points="")


@pytest.fixture
def recipe(tmp_path: Path, wheels: Path) -> Callable[..., Recipe]:
    """Writes the recipe of the pack `toy-made`, changed as asked."""

    def write(lines: str | None = None, **changed: str) -> Recipe:
        locked = (
            f"{name} --hash=sha256:{hashlib.sha256(next(wheels.glob(file)).read_bytes()).hexdigest()}\n"
            for name, file in (("toy-engine==7.1", "toy_engine-*"), ("links==1", "links-*"))
        )
        told = {
            "name": "toy-made",
            "engine": "toy",
            "adapter": "toy_engine:Toy",
            "distribution": "toy-engine",
            "needs": "Needs patience.",
            "tried": "Here.",
            "requirements": "toy.txt",
        } | changed
        (tmp_path / "toy.txt").write_text(lines or "".join(locked))
        file = tmp_path / "toy-made.toml"
        file.write_text("".join(f'{key} = "{value}"\n' for key, value in told.items()))
        return read_recipe(file)

    return write


async def test_a_pack_is_made_probed_and_found(
    recipe: Callable[..., Recipe],
    wheels: Path,
    tmp_path: Path,
    describe_file: Callable[[Path], ModelFile],
    hardware: HardwareProfile,
) -> None:
    told: list[str] = []
    packs = tmp_path / "packs"
    for _ in range(2):  # the second replaces the first
        described = await make_pack(recipe(), packs, wheels=wheels, tell=told.append)
    assert (described.name, described.version, described.devices) == ("toy", "7.1", ("CPU",))
    assert any("toy.txt" in line for line in told)
    assert [path.name for path in packs.iterdir()] == ["toy-made"]
    (pack,) = (pack for pack in installed_packs([packs]) if pack.folder is not None)
    assert (pack.name, pack.engine, pack.version, pack.needs) == ("toy-made", "toy", "7.1", "Needs patience.")
    assert not list((packs / "toy-made").glob("lib/python3*/site-packages/pip"))
    found = await survey([pack], describe_file(onnx_files.linear(tmp_path / "m.onnx")), hardware)
    assert [rejection.code for rejection in found.rejections] == ["operator.unsupported"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lines": f"toy-engine==7.1 --hash=sha256:{'0' * 64}\n"}, "(?i)hash"),
        ({"lines": f"absent==1 --hash=sha256:{'0' * 64}\n"}, "(?i)no matching distribution|could not find"),
        ({"distribution": "absent"}, "bring no absent"),
        ({"adapter": "toy_engine:Absent"}, "does not start"),
        ({"adapter": ""}, "does not start"),
    ],
)
async def test_what_is_not_whole_is_not_put_in_place(
    changed: dict[str, str], said: str, recipe: Callable[..., Recipe], wheels: Path, tmp_path: Path
) -> None:
    packs = tmp_path / "packs"
    earlier = packs / "toy-made"
    earlier.mkdir(parents=True)
    (earlier / "earlier").touch()
    with pytest.raises(EngineError, match=said) as refused:
        await make_pack(recipe(**changed), packs, wheels=wheels, tell=lambda _: None)
    assert refused.value.code == "pack.not-made"
    assert [path.name for path in packs.iterdir()] == ["toy-made"]
    assert (earlier / "earlier").exists()
    assert broken_packs([packs])


async def test_what_must_be_built_names_the_tools_that_are_missing_before_anything_is_installed(
    recipe: Callable[..., Recipe], wheels: Path, tmp_path: Path
) -> None:
    recipe()
    with (tmp_path / "toy-made.toml").open("a") as file:
        file.write('[build]\nsource = "s.txt"\ncmake = ["-DX=ON"]\ntools = ["no-such-compiler"]\n')
    changed = (tmp_path / "toy-made.toml").read_text().replace("toy-engine", "from-source")
    (tmp_path / "toy-made.toml").write_text(changed)
    told: list[str] = []
    with pytest.raises(EngineError, match="no no-such-compiler"):
        await make_pack(
            read_recipe(tmp_path / "toy-made.toml"), tmp_path / "packs", wheels=wheels, tell=told.append
        )
    assert told == []


def test_an_unknown_or_broken_recipe_is_refused(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe()
    with pytest.raises(EngineError, match=r"absent\.toml") as refused:
        read_recipe(tmp_path / "absent.toml")
    assert refused.value.code == "pack.recipe-unknown"
    assert "toy-made" in refused.value.remedy
    (tmp_path / "toy-made.toml").write_text('name = "toy-made"\ncolour = "red"\n')
    with pytest.raises(EngineError, match="no recipe") as refused:
        read_recipe(tmp_path / "toy-made.toml")
    assert refused.value.code == "pack.recipe-invalid"


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.toml")), ids=lambda file: file.stem)
def test_every_recipe_is_of_a_known_pack_and_pins_all_that_it_installs(file: Path) -> None:
    known = read_recipe(file)
    locked = known.requirements.read_text()
    pinned = [line for line in locked.splitlines() if line and not line.startswith((" ", "#"))]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert known.needs
    assert known.tried
    assert (known.build is not None) == (known.engine == "llamacpp")
    if known.build is not None:
        assert (known.folder / known.build.source).is_file()
    else:
        assert f"{known.distribution}==" in locked
    assert (known.name, known.engine) in {(pack.name, pack.engine) for pack in ACCELERATED}
