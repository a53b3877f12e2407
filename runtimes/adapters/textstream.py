"""From token bytes to text that may be shown: whole characters, and nothing past a stop string."""

import codecs
from collections.abc import Sequence


class TextStream:
    """Takes the bytes of one token after the other and gives out text as soon as it is certain.

    A character may be spread over tokens, and so may a stop string: what could still become either is
    held back. The stop string that is complete first ends the text. Bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(s for s in stop if s)
        self._held = ""
        self.stopped = False
        """A stop string was found; the text ends before it."""

    def feed(self, piece: bytes) -> str:
        return self._certain(self._decoder.decode(piece))

    def finish(self) -> str:
        """What was held back, now that nothing more comes."""
        certain = self._certain(self._decoder.decode(b"", final=True))
        if self.stopped:
            return certain
        held, self._held = self._held, ""
        return certain + held

    def _certain(self, text: str) -> str:
        if self.stopped:
            return ""
        self._held += text
        found = [(at + len(s), at) for s in self._stop if (at := self._held.find(s)) >= 0]
        if found:
            self.stopped = True
            _, start = min(found)
            certain, self._held = self._held[:start], ""
            return certain
        keep = max((_overlap(self._held, s) for s in self._stop), default=0)
        split = len(self._held) - keep
        certain, self._held = self._held[:split], self._held[split:]
        return certain


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
