"""A box's database, log and key in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.store.database import Database
from tests.governance.evidence import Evidence


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "appliance.sqlite3") as opened:
        yield opened


@pytest.fixture
def evidence(database: Database, tmp_path: Path) -> Evidence:
    key = DeviceKey.create(tmp_path / "device-key.pem", "appliance/box-7")
    return Evidence(database, AuditLog(database), key)
