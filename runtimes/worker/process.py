"""The worker process, once `bootstrap` has found this package; arguments: SOCKET ARENA PARENT LIMIT FOLDER USER.

Confines itself while it is still single-threaded, then loads the rest of the worker and serves.
"""

import socket
import sys

from runtimes.worker import sandbox


def main() -> None:
    descriptor, arena, parent, memory_limit = (int(argument) for argument in sys.argv[1:5])
    confinement = sandbox.confine(parent, memory_limit or None, writable=sys.argv[5], user=sys.argv[6])
    from runtimes.worker import host  # noqa: PLC0415 - numpy starts threads, the walls come first

    with socket.socket(fileno=descriptor) as sock:
        host.serve(sock, arena, confinement)
