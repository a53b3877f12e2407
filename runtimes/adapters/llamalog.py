"""llama.cpp's own log: warnings and errors go to the worker's log, the last error explains a failure."""

import ctypes
import sys

import llama_cpp

_WARNING = 3
_ERROR = 4
_CONTINUED = 5


class EngineLog:
    """Must live as long as the engine: llama.cpp calls into it."""

    def __init__(self) -> None:
        self._level = 0
        self.last_error = ""
        """The newest error line, for the exception that follows it."""
        self._callback = llama_cpp.llama_log_callback(self._heard)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _heard(self, level: int, text: bytes, _: object) -> None:
        if level != _CONTINUED:
            self._level = level
        if self._level not in (_WARNING, _ERROR):
            return
        line = text.decode(errors="replace")
        sys.stderr.write(line)
        sys.stderr.flush()
        if self._level == _ERROR and line.strip():
            self.last_error = line.strip()
