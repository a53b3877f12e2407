"""`python -m runtimes.packs.make NAME`: make a runtime pack by its recipe, on the machine that will use it."""

import argparse
import asyncio
import sys
from pathlib import Path

from runtimes.errors import EngineError
from runtimes.packs.making import make_pack
from runtimes.packs.recipe import read_recipe

RECIPES = Path("packaging/packs")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev pack", description="Make a runtime pack and probe it.")
    parser.add_argument("name", help="its recipe in --recipes, such as onnxruntime-cuda")
    parser.add_argument("--wheels", type=Path, help="install from this folder alone, without an index")
    parser.add_argument("--into", type=Path, default=Path("packs"), help="folder where packs lie")
    parser.add_argument("--recipes", type=Path, default=RECIPES, help="folder of the recipes")
    given = parser.parse_args()
    try:
        recipe = read_recipe(given.recipes.absolute() / f"{given.name}.toml")
        described = asyncio.run(make_pack(recipe, given.into.absolute(), wheels=given.wheels, tell=_tell))
    except EngineError as error:
        sys.stderr.write(f"{error.what} [{error.code}]\n{error.kept}\n{error.remedy}\n")
        return 1
    devices = ", ".join(described.devices) or "none"
    sys.stdout.write(
        f"{given.into / recipe.name}: {described.name} {described.version} starts; devices it offers: {devices}\n"
        f"{recipe.tried}\nCopy it nowhere: a virtual environment is bound to its place. "
        "A box finds it in /opt/appliance/packs, or below a folder in APPLIANCE_PACKS.\n"
    )
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


if __name__ == "__main__":
    sys.exit(main())
