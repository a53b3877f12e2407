"""The log as a file for an auditor: JSON Lines that prove themselves on any machine.

The first line is a header, then comes one line an entry (its canonical bytes exactly as they are hashed), then
a last line with the signed checkpoint. An export of a part carries in its header the subtrees before it, and
in its last line the consistency proof from its end to the checkpoint.
`packaging/audit-verifier.py` checks such a file with nothing of the appliance.
"""

import hashlib
import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from appliance.audit import tree
from appliance.audit.checkpoint import verify
from appliance.audit.log import AuditLog
from appliance.audit.note import VerifierKey
from appliance.errors import ApplianceError

FORMAT = "appliance-audit-export/1"
_ROWS_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Exported:
    path: Path
    entries: int
    size: int
    """Bytes."""
    digest: str
    """SHA-256 of the file, hexadecimal."""


def export(
    log: AuditLog,
    path: Path,
    checkpoint: str,
    key: VerifierKey,
    *,
    start: int = 0,
    stop: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write the entries [start, stop) (all that the checkpoint covers, by default) to `path`.

    `checkpoint` is a signed note of this log, by `key`. The file appears at its place when it is whole.
    Raises ApplianceError: `audit.range`, `audit.unreadable-entry`, what `checkpoint.verify` raises; OSError.
    """
    size = verify(checkpoint, key).size
    stop = size if stop is None else stop
    if not 0 <= start <= stop <= size:
        raise ApplianceError(
            "audit.range",
            f"Entries {start} to {stop} cannot be exported: the checkpoint covers {size}.",
            kept="Nothing was written.",
        )
    part = path.with_name(f".{path.name}.part")
    try:
        header = _header(log, key, start, stop)
        entries = _entries(log, start, stop, on_progress)
        digest, written = _write(part, chain([header], entries, [_footer(log, checkpoint, stop, size)]))
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Exported(path, stop - start, written, digest)


def _write(path: Path, lines: Iterable[bytes]) -> tuple[str, int]:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for line in lines:
            digest.update(line)
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
        return digest.hexdigest(), file.tell()


def _header(log: AuditLog, key: VerifierKey, start: int, stop: int) -> bytes:
    before = tree.Frontier.load(start, log.node_reader()).peaks
    return _json({"format": FORMAT, "key": str(key), "start": start, "stop": stop, "before": _base64(before)})


def _entries(
    log: AuditLog, start: int, stop: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[bytes]:
    for first in range(start, stop, _ROWS_AT_ONCE):
        after = min(first + _ROWS_AT_ONCE, stop)
        for data in log.canonical(first, after):
            yield data + b"\n"
        if on_progress is not None:
            on_progress(after - start, stop - start)


def _footer(log: AuditLog, checkpoint: str, stop: int, size: int) -> bytes:
    proof = tree.consistency_proof(stop, size, log.node_reader())
    return _json({"checkpoint": checkpoint, "consistency": _base64(proof)})


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _base64(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(value).decode() for value in hashes]
