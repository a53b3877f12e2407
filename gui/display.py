"""Whether a window can be opened here. Qt aborts the process where it cannot, so another process tries first."""

import os
import subprocess
import sys

_PROBE = "from PySide6.QtGui import QGuiApplication; QGuiApplication([]); print('shown', flush=True)"
_PATIENCE = 20.0
_TELLING = ("could not", "cannot", "no such", "failed", "unable")


def why_no_display() -> str:
    """Return why no window can be opened here, in one line; empty where one can. Takes some 200 ms."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    asked = ("DISPLAY", "WAYLAND_DISPLAY")
    if not platform and not any(os.environ.get(name) for name in asked):
        return "neither DISPLAY nor WAYLAND_DISPLAY is set"
    try:
        probe = subprocess.run(  # in its own process, since Qt ends it with abort()
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "QT_LOGGING_RULES": "*.debug=false"},
        )
    except subprocess.TimeoutExpired:
        return f"the display did not answer within {_PATIENCE:.0f} s"
    if "shown" in probe.stdout:
        return ""
    lines = [line.strip() for line in probe.stderr.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in _TELLING)]
    return (telling or lines or ["Qt gave no reason"])[0]
