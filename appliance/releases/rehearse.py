"""`python -m appliance.releases.rehearse DATABASE`: a release shows that it starts, and reads this copy of a box's database.

The release before it asks, so what is printed must stay what it is: one line of JSON.
"""

import sys
from pathlib import Path

import msgspec

from appliance.store.database import SCHEMA_VERSION, Database


class Rehearsed(msgspec.Struct, frozen=True):
    """What came of it."""

    version: str
    schema: int
    deployments: tuple[str, ...] = ()
    audit_entries: int = 0


def rehearse(database: Path) -> Rehearsed:
    """Migrate the database and read what a start reads. Raises whatever would go wrong on the box."""
    from appliance.audit.log import AuditLog  # noqa: PLC0415 - what the daemon needs is loaded here, not by who asks
    from appliance.daemon import Daemon  # noqa: F401, PLC0415
    from appliance.registry import Registry  # noqa: PLC0415
    from appliance.release import VERSION  # noqa: PLC0415

    with Database.open(database) as opened:
        names = tuple(deployment.name for deployment in Registry(opened).deployments())
        size = AuditLog(opened).size()
    return Rehearsed(VERSION, SCHEMA_VERSION, names, size)


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(rehearse(Path(sys.argv[1]))).decode() + "\n")
