"""People with keys, and what they leave behind."""

from pathlib import Path

import pytest

from tests.updates.conftest import NOW, write
from updates.depot.keys import generate_key, public_pem
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.errors import DepotError


def key(folder: Path, name: str) -> Path:
    generate_key(folder / f"{name}.pem")
    return folder / f"{name}.pem"


def public(folder: Path, name: str) -> Path:
    """The public half of a person's key who signs elsewhere."""
    private = key(folder / "elsewhere", name)
    return write(folder / f"{name}.pub.pem", public_pem(private))


def stick(tmp_path: Path, depot: Depot, name: str = "stick") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    publish(depot, folder, now=NOW)
    return folder


def refused(caught: pytest.ExceptionInfo[DepotError]) -> str:
    assert caught.value.what
    assert caught.value.kept
    assert caught.value.remedy
    return caught.value.code
