"""Fuzzes what reads a medium, for as long as it is told.

    python -m tests.updates.fuzzing [SECONDS]

Each reader of bytes from outside is given bent versions of honest files: metadata, manifests, chunk indexes, a medium's
table, receipts, cosignature files. Only an UpdateError may come out. `tests/updates/test_fuzz.py` runs a short part.
"""

import json
import random
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from tests.updates.simulator import Simulator
from updates.carried import Carried, Pack, Parity, Share, parse_carried
from updates.chunks import ChunkIndex
from updates.digest import Digest
from updates.errors import UpdateError
from updates.layout import CHUNK_INDEX_TYPE, MODEL_CONFIG_TYPE, WEIGHT_TYPE
from updates.manifest import Descriptor, Manifest, index_of_file, parse_manifest, part_of
from updates.models import model_contents
from updates.receipt import HeldArtifact, HeldFile, Receipt, Result, parse_receipt
from updates.supply import Supply, pack_offsets
from updates.trust.metadata import load

Reader = Callable[[bytes], object]
_ODD = (
    "",
    "0",
    "-1",
    "1e9",
    '"x"',
    "null",
    "true",
    "[]",
    "{}",
    "9" * 30,
    '"\\ud800"',
    '"../../x"',
    '"' + "f" * 64 + '"',
)


def samples() -> dict[str, tuple[bytes, Reader]]:
    """An honest file for each reader, by name."""
    repository = Simulator()
    digest = [Digest.of(bytes([number])) for number in range(8)]
    index = ChunkIndex.of((Digest.of(bytes([n])).hex.encode()[:32], 1000 + n) for n in range(50))
    index_bytes = index.to_bytes()
    manifest = Manifest(
        Descriptor(MODEL_CONFIG_TYPE, digest[0], 1),
        (
            Descriptor(WEIGHT_TYPE, digest[1], 30_000, "model.gguf", part_of(digest[3], 1, 2)),
            Descriptor(WEIGHT_TYPE, digest[2], index.size - 30_000, "model.gguf", part_of(digest[3], 2, 2)),
            Descriptor(
                CHUNK_INDEX_TYPE, Digest.of(index_bytes), len(index_bytes), None, index_of_file(digest[3])
            ),
        ),
        annotations={"internal.appliance.format": "gguf"},
    )
    carried = Carried(
        1,
        (
            Share(frozenset({digest[1]})),
            Share(frozenset(), (Pack(digest[3], digest[5], ((30, 5), (40, 10))),)),
        ),
        frozenset({digest[0]}),
        "line 4",
        (Parity(digest[1], digest[6], 30_000, 1536, 2),),
    )
    key = Ed25519PrivateKey.generate()
    receipt = Receipt(
        "line 4",
        b64encode(key.public_key().public_bytes_raw()).decode(),
        "2026-06-01T12:00:00Z",
        3,
        "",
        (HeldArtifact("model", "line", "1.0.0", digest[0].hex),),
        (HeldFile(digest[1].hex, digest[2].hex),),
        (Result("model", "line", "1.1.0", "certify.wrong", "off by one"),),
    )
    found: dict[str, tuple[bytes, Reader]] = {
        "manifest": (manifest.to_bytes(), lambda data: model_contents(parse_manifest(data, "x"), "x")),
        "chunk index": (index_bytes, lambda data: ChunkIndex.parse(data, index.size, "x")),
        "medium.json": (carried.to_bytes(), lambda data: _use(parse_carried(data), manifest, index)),
        "receipt": (receipt.to_bytes(key.sign), lambda data: parse_receipt(data, "x").file_name),
        "receipt's body": (receipt.to_bytes(key.sign), lambda data: _signed_receipt(data, key)),
    }
    for name, kind in (
        ("1.root", Root),
        ("timestamp", Timestamp),
        ("1.snapshot", Snapshot),
        ("1.targets", Targets),
    ):
        found[name] = (repository.files[f"{name}.json"], _metadata_reader(kind))
    return found


def bent(data: bytes, seed: random.Random) -> bytes:
    """One honest file with one to four places changed."""
    changed = bytearray(data)
    for _ in range(seed.randint(1, 4)):
        at = seed.randrange(len(changed) or 1)
        match seed.randrange(5):
            case 0 if changed:
                changed[at] ^= 1 << seed.randrange(8)
            case 1:
                del changed[at : at + seed.randint(1, 40)]
            case 2:
                changed[at:at] = changed[at : at + seed.randint(1, 60)]
            case 3:
                changed[at:at] = seed.randbytes(seed.randint(1, 8))
            case _:
                changed = _token_changed(changed, seed)
    return bytes(changed)


def run(seconds: float, seed: int = 0) -> Counter[str]:
    """Fuzz; how often each reader was tried."""
    tried: Counter[str] = Counter()
    every = samples()
    for number in _until(seconds):
        chooser = random.Random(seed * 1_000_003 + number)  # noqa: S311 - to be repeated, not to be secret
        name = chooser.choice(sorted(every))
        honest, read = every[name]
        data = bent(honest, chooser)
        try:
            with suppress(UpdateError):
                read(data)
        except Exception as error:
            raise AssertionError(
                f"{name}, seed {seed}, number {number}: {error!r} of {data[:500]!r}"
            ) from error
        tried[name] += 1
    return tried


def _until(seconds: float) -> Iterator[int]:
    end, number = time.monotonic() + seconds, 0
    while number < 200 or time.monotonic() < end:
        yield number
        number += 1


def _use(carried: Carried, manifest: Manifest, index: ChunkIndex) -> None:
    """What an import does with a table, whatever it says."""
    for share in carried.media:
        for pack in share.packs:
            list(pack_offsets(pack, index))
    (packed,) = manifest.files
    Supply(carried).stretches(packed, index)


def _signed_receipt(data: bytes, key: Ed25519PrivateKey) -> None:
    """The body as bent, with a signature that holds."""
    with suppress(ValueError, RecursionError):
        body = json.loads(data)["receipt"] if b'"receipt"' in data else None
        context = b"appliance-receipt/1\n" + json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        signature = b64encode(key.sign(context)).decode()
        data = json.dumps({"receipt": body, "signature": signature}).encode()
    parse_receipt(data, "x")


def _metadata_reader(kind: type[Root] | type[Timestamp] | type[Snapshot] | type[Targets]) -> Reader:
    return lambda data: load(kind, data, "x")  # type: ignore[type-var]


def _token_changed(data: bytearray, seed: random.Random) -> bytearray:
    """A JSON value somewhere replaced by an odd one."""
    places = [at for at, letter in enumerate(data) if letter in b":,["]
    if not places:
        return data
    at = seed.choice(places) + 1
    end = next((n for n in range(at, len(data)) if data[n] in b",]}"), len(data))
    return data[:at] + seed.choice(_ODD).encode() + data[end:]


if __name__ == "__main__":
    length = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    print(dict(run(length, seed=int(time.time()))))  # noqa: T201 - its answer
