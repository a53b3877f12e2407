"""Kernel modules and their versions."""

from runtimes.hardware.sysroot import Sysroot

RELEASE = "/proc/sys/kernel/osrelease"


def version(root: Sysroot, module: str) -> tuple[str | None, str]:
    """A module from outside the kernel has a version of its own; for the others the kernel's stands.

    Returns it with the file that told.
    """
    path = f"/sys/module/{module}/version"
    own = root.text(path)
    if own:
        return own, path
    release = root.text(RELEASE)
    return (f"kernel {release}" if release else None), RELEASE
