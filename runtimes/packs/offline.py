"""`python -m runtimes.packs.offline COMMAND …` becomes the command, for which there is no network.

Where the machine's kernel or libraries cannot refuse system calls, the command runs without this wall: what is started
through here is told not to use a network besides.
"""

import contextlib
import errno
import os
import socket
import sys

from runtimes.worker.seccomp import Condition, Rule, refuse

COMMAND = (sys.executable, "-I", "-m", "runtimes.packs.offline")
"""What a command line begins with to be run so."""


def main() -> None:
    with contextlib.suppress(OSError):
        refuse([Rule("socket", errno.EAFNOSUPPORT, Condition(0, socket.AF_UNIX))])
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
