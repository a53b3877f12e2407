"""Cuts the power, as far as a process can: ends it at each durable operation in turn, then looks at what is left.

Run as a program, so that it may fork: `python -m tests.updates.power_cut import|publish DEPOT MEDIUM WORK`; prints how
many points were cut.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.updates.conftest import NOW, TIME, Box, write
from updates.blobs import BlobStore
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.errors import MediumError
from updates.inspect import inspect
from updates.media import Medium, find_update
from updates.transfer import receive
from updates.trust.state import TrustState

DURABLE = ("write", "fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "chmod")


def cut_everywhere(act: Callable[[], object], check: Callable[[], None]) -> int:
    """End `act` at its first, second … durable operation; `check` what is left each time; gives the points cut."""
    for point in range(1, 10_000):
        child = os.fork()
        if child == 0:
            _die_at(point)
            act()
            os._exit(0)
        finished = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        check()
        if finished:
            return point - 1
    raise AssertionError("it never ends")


def _die_at(point: int) -> None:
    left = [point]

    def dying(honest: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return honest(*arguments, **options)

        return operation

    for name in DURABLE:
        setattr(os, name, dying(getattr(os, name)))


def cut_import(depot: Depot, medium: Path, work: Path) -> int:
    preview = inspect(find_update(medium), TrustState.from_root(depot.root_bytes()), TIME)
    artifacts = [offer.artifact for offer in preview.offers]
    store = BlobStore(work / "blobs")

    def check() -> None:
        assert all(store.verify(digest) for digest in store.digests())
        received = receive(preview.medium, artifacts, store)
        wanted = frozenset().union(*(item.digests for item in received))
        assert all(store.verify(digest) for digest in wanted)
        store.remove_unreferenced(wanted)
        assert store.digests() == wanted
        assert list((store.folder / "partial").iterdir()) == []
        shutil.rmtree(store.folder)

    return cut_everywhere(lambda: receive(preview.medium, artifacts, store), check)


def cut_publication(depot: Depot, medium: Path, work: Path) -> int:
    """Publishing a newer update over an older one."""
    stick, changed, template = work / "stick", work / "changed", work / "template"
    shutil.copytree(depot.path, template)
    extra = write(work / "in" / "extra.onnx", b"\x08extra")
    add_model(Depot.open(template), ModelArtifact("extra", "1.0.0", extra))

    def prepare() -> None:
        for path, source in ((stick, medium), (changed, template)):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(source, path)

    def check() -> None:
        root = TrustState.from_root(depot.root_bytes())
        found = _found(stick)
        if found is not None:
            offers = inspect(found, root, TIME).offers
            assert len(offers) in (1, 2)
            receive(found, [offer.artifact for offer in offers], BlobStore(work / "found"))
        publish(Depot.open(changed), stick, now=NOW)
        box = Box(root, BlobStore(work / "box"))
        assert len(box.bring_in(stick)) == 2
        assert [path.name for path in stick.iterdir()] == ["appliance-update"]
        for folder in ("found", "box"):
            shutil.rmtree(work / folder, ignore_errors=True)
        prepare()

    prepare()
    return cut_everywhere(lambda: publish(Depot.open(changed), stick, now=NOW), check)


def _found(stick: Path) -> Medium | None:
    try:
        return find_update(stick)
    except MediumError as error:
        if error.code in ("medium.unfinished", "medium.no-update"):
            return None
        raise


if __name__ == "__main__":
    os.fsync = lambda fd: None  # noqa: ARG005 - a killed process loses nothing it wrote
    story, depot_path, medium_path, work_path = sys.argv[1:]
    cut = {"import": cut_import, "publish": cut_publication}[story]
    print(cut(Depot.open(Path(depot_path)), Path(medium_path), Path(work_path)))  # noqa: T201 - its answer
