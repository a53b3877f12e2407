"""Child process: open each device file named on the command line and say what came of it.

Prints `{"/dev/kfd": "ok" | "EACCES" | "EPERM" | …}`. Opening is the only sure test inside a container,
where device rules refuse what the file's mode allows; and it may block in a driver, hence the process.
"""

import errno
import json
import os
import sys


def opened(path: str) -> str:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "EIO")
    return "ok"


if __name__ == "__main__":
    json.dump({path: opened(path) for path in sys.argv[1:]}, sys.stdout)
