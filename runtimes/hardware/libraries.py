"""Finding a shared library where the loader would, without loading it."""

import re

from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Library
from runtimes.hardware.sysroot import Sysroot

FOLDERS = (
    "/usr/lib/wsl/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/lib/aarch64-linux-gnu/nvidia",
    "/usr/lib/aarch64-linux-gnu/tegra",
    "/usr/local/cuda/compat",
    "/usr/local/nvidia/lib64",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/run/opengl-driver/lib",
)


def find(root: Sysroot, name: str, notes: Notes, environ_path: str = "") -> Library | None:
    """The first file of that name in `LD_LIBRARY_PATH`, ld.so.conf.d and the system's folders; noted where found.

    The version is read from the name behind the link: `libcuda.so.1 -> libcuda.so.550.54.15`.
    """
    for folder in (*environ_path.split(":"), *_configured(root), *FOLDERS):
        path = f"{folder.rstrip('/')}/{name}"
        if folder.startswith("/") and root.exists(path):
            library = Library(name, path, _version(root.link(path)))
            notes.libraries.append(library)
            notes.sources[f"libraries.{name}"] = path
            return library
    return None


def _configured(root: Sysroot) -> list[str]:
    """Folders that ld.so.conf.d adds, as CUDA's and ROCm's packages do."""
    files = (path for name, path in root.folders("/etc/ld.so.conf.d") if name.endswith(".conf"))
    return [line.strip() for file in files for line in (root.text(file) or "").splitlines()]


def _version(target: str | None) -> str | None:
    found = re.search(r"\.so\.(\d+(?:\.\d+)+)$", target or "")
    return found[1] if found else None
