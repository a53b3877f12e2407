"""Digests as OCI writes them: `sha256:<64 lower-case hexadecimal digits>`."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest; `hex` names the blob's file, `str()` is its OCI form."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise ValueError(f"not a SHA-256 digest: {self.hex[:80]!r}")

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the OCI form.

        Raises:
            ValueError: another algorithm, or not a digest at all.
        """
        algorithm, _, digits = text.partition(":")
        if algorithm != "sha256":
            raise ValueError(f"not a SHA-256 digest: {text[:80]!r}")
        return cls(digits)

    @classmethod
    def of(cls, data: bytes) -> Self:
        return cls(hashlib.sha256(data).hexdigest())
