"""One import as a process of its own, so that its time and memory are its own; prints its largest resident set in KiB."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from updates.blobs import BlobStore
from updates.inspect import inspect
from updates.media import find_update
from updates.transfer import receive
from updates.trust.clock import EffectiveTime, TimeSource
from updates.trust.state import TrustState


def main(medium: Path, store: Path, root: Path) -> None:
    time = EffectiveTime(datetime(2026, 6, 1, tzinfo=UTC), TimeSource.CLOCK)
    found = inspect(find_update(medium), TrustState.from_root(root.read_bytes()), time)
    receive(found.medium, [offer.artifact for offer in found.offers], BlobStore(store))
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(status["VmHWM"].split()[0])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
