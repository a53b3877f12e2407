"""Proof of the whole log: everything is computed again from the entries' bytes and compared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from appliance.audit.checkpoint import Checkpoint, StoredCheckpoint, all_stored
from appliance.audit.checkpoint import verify as verify_checkpoint
from appliance.audit.note import VerifierKey
from appliance.audit.tree import EMPTY_ROOT, HASH_SIZE, Frontier, leaf_hash
from appliance.errors import ApplianceError
from appliance.store.database import Reader

MAXIMUM_FINDINGS = 100
_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the appliance left it."""

    code: str
    """`entry.edited`, `entry.missing`, `hash.edited`, `log.truncated`, `checkpoint.forged`,
    `checkpoint.mismatch` or `checkpoint.missing`."""
    text: str
    index: int | None = None
    """The entry concerned, the first of them where there are several."""


@dataclass(slots=True)
class Verification:
    """What verifying the log showed."""

    size: int
    """Entries looked at."""
    root: bytes = EMPTY_ROOT
    """Root hash of the whole tree; means something only where nothing was found."""
    checkpoints: int = 0
    """Checkpoints that are signed by the key and true of this log."""
    newest: Checkpoint | None = None
    """The largest of them: what came after it is in order, but not signed yet."""
    findings: list[Finding] = field(default_factory=list)
    """In the order of the log, at most MAXIMUM_FINDINGS."""
    more: int = 0
    """Findings beyond those."""

    @property
    def intact(self) -> bool:
        return not self.findings

    def require_intact(self) -> None:
        """Raise ApplianceError `audit.tampered` that tells the first finding, unless there is none."""
        if self.intact:
            return
        others = len(self.findings) + self.more - 1
        raise ApplianceError(
            "audit.tampered",
            self.findings[0].text + (f" There are {others} further findings." if others else ""),
            kept="The log was left as it is.",
            remedy="Copy the state folder away as evidence and call the auditor.",
        )

    def add(self, code: str, text: str, index: int | None = None) -> None:
        if len(self.findings) < MAXIMUM_FINDINGS:
            self.findings.append(Finding(code, text, index))
        else:
            self.more += 1


def verify(
    reader: Reader, key: VerifierKey, on_progress: Callable[[int, int], None] | None = None
) -> Verification:
    """Compute every leaf, node and root again, and check every checkpoint's signature and place.

    Shows edited, removed and reordered entries, edited hashes, a log shorter than a checkpoint, and forged,
    removed or foreign checkpoints. It cannot show that entries *and* the checkpoints after them were
    removed together: for that, keep a checkpoint elsewhere. `on_progress` gets (entries done, entries).
    """
    stored = all_stored(reader)  # before the size, so that none can be newer than the log we look at
    row = reader.row("SELECT coalesce(max(idx) + 1, 0) FROM audit_entries")
    result = Verification(size=int(row[0]) if row else 0)
    checkpoints = _signed_checkpoints(stored, key, result)
    _Walk(reader, checkpoints, result).run(on_progress)
    return result


def _signed_checkpoints(
    stored: list[StoredCheckpoint], key: VerifierKey, result: Verification
) -> dict[int, list[tuple[int, Checkpoint]]]:
    """Those with a good signature, by size, as (number, checkpoint)."""
    by_size: dict[int, list[tuple[int, Checkpoint]]] = {}
    for expected, kept in enumerate(stored, start=1):
        if kept.number != expected and (expected == 1 or stored[expected - 2].number != kept.number - 1):
            result.add("checkpoint.missing", f"A checkpoint before number {kept.number} was removed.")
        try:
            checkpoint = verify_checkpoint(kept.note, key)
        except ApplianceError as error:
            result.add("checkpoint.forged", f"Checkpoint {kept.number} is not the appliance's: {error.what}")
            continue
        if checkpoint.size != kept.size:
            result.add(
                "checkpoint.forged",
                f"Checkpoint {kept.number} is filed as {kept.size} entries but signed for {checkpoint.size}.",
            )
        by_size.setdefault(checkpoint.size, []).append((kept.number, checkpoint))
    return by_size


class _Walk:
    """One pass over the entries, oldest first."""

    def __init__(
        self, reader: Reader, checkpoints: dict[int, list[tuple[int, Checkpoint]]], result: Verification
    ) -> None:
        self._reader = reader
        self._checkpoints = checkpoints
        self._result = result
        self._frontier = Frontier()
        self._good_until = 0
        """Size of the last checkpoint that was true."""

    def run(self, on_progress: Callable[[int, int], None] | None) -> None:
        result, frontier, checkpoints = self._result, self._frontier, self._checkpoints
        self._compare_checkpoints()
        for rows in self._rows():
            for index, data, hashes in rows:
                if index != frontier.size:
                    self._tell_missing(frontier.size, index)
                    return
                leaf = leaf_hash(data)
                if not hashes.startswith(leaf):
                    result.add("entry.edited", f"Entry {index} was edited after it was logged.", index)
                    leaf = hashes[:HASH_SIZE]
                completed = frontier.append(leaf)
                if completed != hashes:
                    result.add("hash.edited", f"The tree's hashes at entry {index} were edited.", index)
                if frontier.size in checkpoints:
                    self._compare_checkpoints()
            if on_progress is not None:
                on_progress(frontier.size, result.size)
        if frontier.size < result.size:
            self._tell_missing(frontier.size, result.size)
            return
        result.root = frontier.root
        self._tell_truncated()

    def _rows(self) -> Iterator[list[tuple[int, bytes, bytes]]]:
        start, size = 0, self._result.size
        while start < size:
            rows = self._reader.query(
                "SELECT idx, CAST(coalesce(canonical, '') AS BLOB), CAST(coalesce(hashes, '') AS BLOB) FROM audit_entries"
                " WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?",
                (start, size, _ROWS_AT_ONCE),
            )
            if not rows:
                return
            yield rows  # type: ignore[misc]  # Row unpacks like the tuple
            start = rows[-1][0] + 1

    def _compare_checkpoints(self) -> None:
        size, root = self._frontier.size, self._frontier.root
        for number, checkpoint in self._checkpoints.get(size, ()):
            if checkpoint.root == root:
                self._result.checkpoints += 1
                self._result.newest = checkpoint
                self._good_until = size
            else:
                self._result.add(
                    "checkpoint.mismatch",
                    f"Entries {self._good_until} to {size - 1} are not what checkpoint {number} was signed for.",
                    self._good_until,
                )

    def _tell_missing(self, first: int, after: int) -> None:
        which = f"Entry {first} was" if after == first + 1 else f"Entries {first} to {after - 1} were"
        self._result.add("entry.missing", f"{which} removed; nothing after that can be proved.", first)

    def _tell_truncated(self) -> None:
        size = self._frontier.size
        beyond = [checkpoint.size for found in self._checkpoints.values() for _, checkpoint in found]
        if beyond and max(beyond) > size:
            self._result.add(
                "log.truncated",
                f"Entries {size} to {max(beyond) - 1} were removed: the log has {size} entries, a checkpoint of"
                f" this box covers {max(beyond)}.",
                size,
            )
