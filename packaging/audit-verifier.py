#!/usr/bin/env python3
"""Verify an exported audit log on any machine: python3 audit-verifier.py FILE --key KEY [--known CHECKPOINT]

One file on purpose, with nothing of the appliance in it: an auditor can read all of it. It needs Python 3.10 or
newer and the package `cryptography`.

FILE is an export (JSON Lines) or the proof of one entry (https://c2sp.org/tlog-proof). What it proves: the box
whose key is KEY signed a log in which exactly these entries stand, at these places; and with --known, that the
exported log continues the one of an earlier checkpoint (a file with a signed note) that the auditor kept. KEY was printed when the box was made and has to come to the auditor another way than the export.

Exit status: 0 proven, 1 not proven, 2 wrong call.
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EXPORT_FORMAT = "appliance-audit-export/1"
PROOF_FORMAT = b"c2sp.org/tlog-proof@v1"
EMPTY_ROOT = hashlib.sha256(b"").digest()


class NotProven(Exception):  # noqa: N818 -- it is the verdict
    """The file does not show what it claims; the text says why."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an exported audit log of the appliance.")
    parser.add_argument("file", help="the export, or the proof of one entry")
    parser.add_argument("--key", required=True, help="the box's verifier key: NAME+ID+BASE64")
    parser.add_argument("--known", help="file with an earlier checkpoint that the log has to continue")
    options = parser.parse_args()
    try:
        sys.stdout.write(verify(Path(options.file), options.key, options.known) + "\n")
    except NotProven as reason:
        sys.stderr.write(f"NOT PROVEN: {reason}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, IndexError, StopIteration) as error:
        sys.stderr.write(f"NOT PROVEN: {options.file} cannot be read: {error!r}\n")
        return 1
    return 0


def verify(path: Path, key: str, known_file: str | None = None) -> str:
    """The verdict. Raises NotProven."""
    with path.open("rb") as file:
        is_proof = file.readline().rstrip(b"\n") == PROOF_FORMAT
    if is_proof:
        if known_file is not None:
            raise NotProven(
                "a proof of one entry does not show that the log continues another; use an export"
            )
        return verify_entry(path.read_text(encoding="utf-8"), key)
    known = open_checkpoint(Path(known_file).read_text(encoding="utf-8"), key) if known_file else None
    return verify_export(path, key, known)


def verify_entry(proof: str, key: str) -> str:
    lines, _, note = proof.partition("\n\n")
    _, extra, index, *path = lines.split("\n")
    if not extra.startswith("extra ") or not index.startswith("index "):
        raise NotProven("the proof does not carry its entry")
    entry, place = base64.b64decode(extra[6:], validate=True), int(index[6:])
    size, root = open_checkpoint(note, key)
    if not included(place, size, entry, root, hashes(path)):
        raise NotProven("the entry is not at that place of the log")
    verdict = f"PROVEN: entry {place} stands in the log of {size} entries signed by {name_of(key)}:"
    return f"{verdict}\n{entry.decode('utf-8', 'backslashreplace')}"


def verify_export(path: Path, key: str, known: tuple[int, bytes] | None) -> str:
    with path.open("rb") as file:
        header = json.loads(next(file))
        if header["format"] != EXPORT_FORMAT:
            raise NotProven(
                f"the file's format is {header['format']!r}, this program reads {EXPORT_FORMAT!r}"
            )
        if header["key"] != key.strip():
            raise NotProven(f"the export is of the key {header['key']}, not of yours")
        start, stop = header["start"], header["stop"]
        peaks = hashes(header["before"])
        if not 0 <= start <= stop or len(peaks) != bin(start).count("1"):
            raise NotProven("the header does not describe the log before the first entry")
        roots = {0: EMPTY_ROOT, start: root_of(peaks)}
        for size in range(start, stop):
            line = next(file)
            if not line.endswith(b"\n"):
                raise NotProven(f"entry {size} is cut off")
            append(peaks, size, line[:-1])
            if known is not None and size + 1 == known[0]:
                roots[known[0]] = root_of(peaks)
        roots[stop] = root_of(peaks)
        footer = json.loads(next(file))
        if file.read(1):
            raise NotProven("there is something after the last line")
    size, root = open_checkpoint(footer["checkpoint"], key)
    if not consistent(stop, size, roots[stop], root, hashes(footer["consistency"])):
        raise NotProven("the entries are not those that the checkpoint was signed for")
    which = f"entries {start} to {stop - 1} stand" if stop > start else "no entries are claimed to stand"
    verdict = f"PROVEN: {which} in the log of {size} entries signed by {name_of(key)}."
    return verdict + (f" {continues(known, size, root, roots)}" if known is not None else "")


def continues(known: tuple[int, bytes], size: int, root: bytes, roots: dict[int, bytes]) -> str:
    """Tell that the log continues the known checkpoint. Raises NotProven."""
    known_size, known_root = known
    if known_size > size:
        raise NotProven(f"the log has {size} entries, the checkpoint known from before covers {known_size}")
    roots[size] = root
    if known_size not in roots:
        raise NotProven(
            f"this part of the log does not reach entry {known_size}, where the known checkpoint ends"
        )
    if roots[known_size] != known_root:
        raise NotProven(
            f"the log was rewritten: its first {known_size} entries are not those known from before"
        )
    return f"It continues the known checkpoint of {known_size} entries."


def open_checkpoint(note: str, key: str) -> tuple[int, bytes]:
    """(size, root) of a signed C2SP checkpoint, once its signature is right. Raises NotProven."""
    name, key_id, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded, validate=True)
    if public[:1] != b"\x01" or len(public) != 33:
        raise NotProven("the key is not an Ed25519 verifier key")
    if hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() != key_id:
        raise NotProven("the key does not fit its own key id; is it typed right?")
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, data = line.split(" ")
        signature = base64.b64decode(data, validate=True)
        if dash == "\N{EM DASH}" and signer == name and signature[:4].hex() == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], text.encode())
            except InvalidSignature:
                raise NotProven("the checkpoint's signature is wrong") from None
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise NotProven(f"the checkpoint is of another log: {origin}")
            return int(size), hashes([root])[0]
    raise NotProven(f"the checkpoint is not signed with the key {key_id} of {name}")


def name_of(key: str) -> str:
    return key.partition("+")[0]


def hashes(encoded: list[str]) -> list[bytes]:
    decoded = [base64.b64decode(value, validate=True) for value in encoded]
    if any(len(value) != 32 for value in decoded):
        raise NotProven("a hash in the file is not of 32 bytes")
    return decoded


def append(peaks: list[bytes], size: int, entry: bytes) -> None:
    """Add an entry to the complete subtrees (largest first) of a tree of `size` leaves: RFC 6962, section 2.1."""
    node = hashlib.sha256(b"\x00" + entry).digest()
    while size & 1:
        node = hashlib.sha256(b"\x01" + peaks.pop() + node).digest()
        size >>= 1
    peaks.append(node)


def root_of(peaks: list[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = hashlib.sha256(b"\x01" + peak + root).digest()
    return root


def included(index: int, size: int, entry: bytes, root: bytes, proof: list[bytes]) -> bool:
    """Whether `entry` stands at `index` in the tree of `size` leaves: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node = hashlib.sha256(b"\x00" + entry).digest()
    first, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        first, last = first >> 1, last >> 1
    return last == 0 and node == root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether the tree of `old` leaves is the beginning of that of `new`: RFC 9162, section 2.1.4.2."""
    if old in (0, new):
        return not proof and (old_root == new_root if old == new else old_root == EMPTY_ROOT)
    path = proof if old & (old - 1) else [old_root, *proof]
    if old > new or not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    from_old = from_new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            from_old = hashlib.sha256(b"\x01" + node + from_old).digest()
            from_new = hashlib.sha256(b"\x01" + node + from_new).digest()
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            from_new = hashlib.sha256(b"\x01" + from_new + node).digest()
        first, last = first >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


if __name__ == "__main__":
    sys.exit(main())
