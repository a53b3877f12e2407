"""Child process: whether the kernel lets programs use AMX tiles here.

The processor's flags alone do not tell: a sandbox or an old kernel may refuse the permission, and
the first tile instruction then kills the program (kernel documentation, arch/x86/xstate).
Asking changes the asking process for good, hence the process.
"""

import ctypes
import json
import sys

SYS_ARCH_PRCTL = 158
ARCH_REQ_XCOMP_PERM = 0x1023
XFEATURE_XTILEDATA = 18


def permitted() -> bool:
    status: int = ctypes.CDLL(None).syscall(SYS_ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
    return status == 0


if __name__ == "__main__":
    json.dump({"permitted": permitted()}, sys.stdout)
