"""Boxes and depots for the tests of the whole appliance."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.appliance.card_box import make_card_box
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot


@pytest.fixture(scope="session")
def depot(tmp_path_factory: pytest.TempPathFactory) -> TestDepot:
    """A depot with one model; tests that change it make one of their own."""
    made = TestDepot(tmp_path_factory.mktemp("depot"))
    made.add_linear()
    return made


@pytest.fixture(scope="session")
def medium(depot: TestDepot) -> Path:
    return depot.publish()


@pytest.fixture
def new_box(tmp_path: Path) -> Callable[[TestDepot], Cli]:
    """Makes a box that trusts a depot."""

    def make(depot: TestDepot) -> Cli:
        cli = Cli(tmp_path / "box")
        cli.ok("init", "--trust", str(depot.root), "--box", "test-box")
        return cli

    return make


@pytest.fixture
def box(new_box: Callable[[TestDepot], Cli], depot: TestDepot) -> Cli:
    return new_box(depot)


@pytest.fixture
def serving_box(box: Cli, medium: Path) -> Cli:
    """A box with the model imported and deployed; no daemon runs yet."""
    box.ok("update", "import", str(medium))
    box.ok("deploy", "linear", "--budget", "2")
    return box


@pytest.fixture(scope="session")
def card_box_made(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return make_card_box(tmp_path_factory.mktemp("card-box"))


@pytest.fixture
def card_box(card_box_made: Cli, tmp_path: Path) -> Cli:
    """A box of its own with `echo` planned on the card; no daemon runs yet."""
    shutil.copytree(card_box_made.state, tmp_path / "box", symlinks=True)
    return Cli(tmp_path / "box")
