"""llama.cpp's own log: warnings and errors go to the worker's log, the first error explains a failure."""

import ctypes
import sys
from functools import cache

import llama_cpp

_WARNING = 3
_ERROR = 4
_CONTINUED = 5


@cache
def engine_log() -> "EngineLog":
    """The one that llama.cpp calls until the process ends."""
    return EngineLog()


class EngineLog:
    """What llama.cpp calls with each line; one for the process, as its callback is: see `engine_log`."""

    def __init__(self) -> None:
        self._level = 0
        self.first_error = ""
        """The first error since `forget`: llama.cpp tells the cause first, then what follows from it."""
        self._callback = llama_cpp.llama_log_callback(self._heard)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def forget(self) -> None:
        self.first_error = ""

    def _heard(self, level: int, text: bytes, _: object) -> None:
        if level != _CONTINUED:
            self._level = level
        if self._level not in (_WARNING, _ERROR):
            return
        line = text.decode(errors="replace")
        sys.stderr.write(line)
        sys.stderr.flush()
        if self._level == _ERROR and not self.first_error:
            self.first_error = line.strip()
