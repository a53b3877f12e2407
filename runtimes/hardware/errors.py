"""What can go wrong with a capture; detection itself never fails."""

from runtimes.errors import EngineError


class HardwareError(EngineError):
    """A capture cannot be read or written."""
