"""A box's database, log and key in a temporary folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.store.database import Database
from tests.governance.evidence import Evidence


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as `Database.open` makes it; copying it is fifty times as fast."""
    path = tmp_path_factory.mktemp("new") / "appliance.sqlite3"
    Database.open(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, new_database: Path) -> Iterator[Database]:
    path = tmp_path / "appliance.sqlite3"
    shutil.copy(new_database, path)
    with Database.open(path) as opened:
        yield opened


@pytest.fixture
def evidence(database: Database, tmp_path: Path) -> Evidence:
    key = DeviceKey.create(tmp_path / "device-key.pem", "appliance/box-7")
    return Evidence(database, AuditLog(database), key)
