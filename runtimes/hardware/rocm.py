"""What of ROCm is installed, and which chips it has code for."""

import re

from runtimes.hardware import libraries
from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Library
from runtimes.hardware.sysroot import Sysroot

HIP = ("libamdhip64.so.7", "libamdhip64.so.6")
"""Of ROCm 7 and 6; later releases bring theirs in their own folder, beside rocBLAS."""


def blas(root: Sysroot, notes: Notes) -> Library | None:
    """The installed rocBLAS and the gfx targets that its kernel files are for."""
    roots = [f"/opt/{name}" for name in root.names("/opt") if name.startswith("rocm")]
    homes = [f"{home}/lib/rocblas/library" for home in roots]
    for arch in ("x86_64-linux-gnu", "aarch64-linux-gnu"):
        base = f"/usr/lib/{arch}/rocblas"
        homes += [f"{path}/library" for _, path in root.folders(base)]
    homes.append("/usr/lib64/rocblas/library")
    for home in homes:
        text = " ".join(root.names(home))
        targets = tuple(sorted(set(re.findall(r"gfx[0-9a-f]{3,5}(?=[.\-_:]|$)", text, re.MULTILINE))))
        if targets:
            release = re.search(r"rocm-(\d+\.\d+(?:\.\d+)?)", home)
            version = root.text(f"{home.split('/lib/')[0]}/.info/version") or (
                release[1] if release else None
            )
            library = Library("rocblas", home, version, targets)
            notes.libraries.append(library)
            notes.sources["libraries.rocblas"] = home
            return library
    for name in HIP:
        if libraries.find(root, name, notes):
            break
    return None
