"""Asking a driver in a child process, because a driver may hang, crash or take its caller with it."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NEEDS_PACKAGES = frozenset({"nvidia"})
"""Probes that import more than the standard library; the others start in half the time without it."""
SECONDS = 5.0
"""Long enough for NVML on a server whose cards have to be woken first."""
MAX_ANSWER = 1024 * 1024


def ask(name: str, arguments: Sequence[str] = (), *, seconds: float = SECONDS) -> dict[str, Any]:
    """What the script `probe_NAME.py` says, or `{"error": "timeout" | "crashed" | "unreadable", "detail": …}`.

    The script prints one JSON object. It runs by its path and not as a module, so that it starts
    without importing this package and works in any interpreter that is this one.
    """
    script = Path(__file__).with_name(f"probe_{name}.py")
    return ask_script(script, arguments, seconds=seconds, packages=name in NEEDS_PACKAGES)


def ask_script(
    script: Path, arguments: Sequence[str] = (), *, seconds: float = SECONDS, packages: bool = False
) -> dict[str, Any]:
    """As `ask`, for a script of any name; only with `packages` may it import what is installed."""
    try:
        child = start(script, arguments, packages=packages)
    except OSError as error:
        return {"error": "crashed", "detail": str(error)}
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        abandon(child)
        return {"error": "timeout", "detail": f"no answer within {seconds:g} s"}
    if child.returncode != 0:
        return {"error": "crashed", "detail": _ending(child.returncode)}
    try:
        answer = json.loads(output[:MAX_ANSWER])
    except ValueError as error:
        return {"error": "unreadable", "detail": str(error)}
    return answer if isinstance(answer, dict) else {"error": "unreadable", "detail": "not an object"}


def start(
    script: Path, arguments: Sequence[str], *, packages: bool, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """The script in an interpreter of its own, its answer in a pipe. Raises OSError."""
    # -P (in -I too): the script's folder holds a profile.py and must not come first in the search path.
    flags = ["-P"] if packages else ["-I", "-S"]
    return subprocess.Popen(
        [sys.executable, *flags, str(script), *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def abandon(child: subprocess.Popen[bytes]) -> None:
    """Kill without waiting: a process that sleeps inside the kernel dies only when the driver lets it."""
    child.kill()
    if child.stdout:
        child.stdout.close()
    try:
        child.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        threading.Thread(target=child.wait, name="probe-burial", daemon=True).start()


def _ending(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
