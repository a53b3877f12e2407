"""Telling the service manager how the daemon is (sd_notify(3)); without one that listens, nothing happens."""

import os
import socket
from contextlib import suppress

SOCKET = "NOTIFY_SOCKET"
RESTART = 75
"""The daemon's exit code when it wants to be started again: EX_TEMPFAIL of sysexits(3)."""
READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state: str) -> None:
    address = os.environ.get(SOCKET, "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
        told.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
