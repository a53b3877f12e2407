"""What this release is and when it was made; the time is a lower bound for every clock it runs under."""

from datetime import UTC, datetime
from importlib.metadata import version

VERSION = version("appliance")
BUILT = datetime(2026, 11, 21, tzinfo=UTC)
