"""Runs code in a process that has confined itself as a worker does."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from typing import Any


def inside(
    code: str,
    memory_limit: int | None = None,
    *,
    writable: str = "",
    user: str = "",
    interpreter: str = sys.executable,
    before: str = "",
    through: Sequence[str] = (),
) -> Any:
    """The JSON that `code` printed; `walls` is what was told, `attempt` gives an error's name or a call's result.

    `before` runs in the same process before it is confined; `through` is a command that turns into that process.
    """
    program = textwrap.dedent(before) + textwrap.dedent("""
        import errno, json, os, sys
        from runtimes.worker import sandbox

        def attempt(call, *arguments):
            try:
                return call(*arguments)
            except OSError as error:
                return errno.errorcode[error.errno]

        walls = sandbox.confine(int(sys.argv[1]), json.loads(sys.argv[2]), writable=sys.argv[3], user=sys.argv[4])
    """)
    command = [*through, interpreter, "-c", program + textwrap.dedent(code)]
    command += [str(os.getpid()), json.dumps(memory_limit), writable, user]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
