"""Taking a model from an OCI image layout that other tools made: ModelPack (modctl, KitOps, Docker), raw layers and tars.

Sources: OCI image layout 1.0; CNCF ModelPack model-spec v1; KitOps ModelKit; Docker model distribution. Nothing in the layout is
trusted: every blob is copied and checked against its digest first, and unpacked by `updates.depot.tarfiles` only.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from updates.blobs import BlobStore
from updates.depot.tarfiles import take_files
from updates.digest import Digest
from updates.errors import DepotError, UpdateError
from updates.layout import FILEPATH, INDEX, LIMITS, OCI_LAYOUT, blob_file
from updates.media import Medium
from updates.models import LABELS, Format
from updates.names import check_file_path

_PREFIXES = ("application/vnd.cncf.model.", "application/vnd.kitops.modelkit.", "application/vnd.docker.ai.")
_PLAIN = {
    "application/vnd.cncf.model.weight.v1.gguf": "model.gguf",
    "application/vnd.docker.ai.gguf.v3": "model.gguf",
    "application/vnd.docker.ai.license": "LICENSE",
}
"""Types of which a layer is one file, and what that is called where no annotation says."""
_REFERENCE = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class UnpackedModel:
    """A model's files, found in a layout; all below one folder."""

    file: Path
    """The one ONNX or GGUF file."""
    golden: Path | None = None
    labels: Path | None = None
    licence_file: Path | None = None
    licence: str = ""
    """An SPDX expression, from the configuration; may be empty."""
    manifest: Digest | None = None
    left_out: tuple[str, ...] = ()
    """Files that are not carried: a box has no use for them."""


def unpack_model(layout: Path, into: Path, reference: str | None = None) -> UnpackedModel:
    """Check and unpack a model from an OCI image layout.

    Args:
        layout: the folder with `oci-layout`, `index.json` and `blobs/`.
        into: an empty folder for its files.
        reference: which manifest, by its reference name or digest; may be None where there is one only.

    Raises:
        DepotError: `depot.bad-layout`: it is no layout, is damaged, holds something else than a model of one file, or
            something that is refused, such as a link in a tar.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    try:
        medium = Medium(layout)
        if medium.read(OCI_LAYOUT, LIMITS.timestamp) is None:
            raise ValueError("it has no oci-layout file")
        chosen = _choose(_json(medium.read(INDEX, LIMITS.index), INDEX), reference)
        manifest = _json(_blob(medium, chosen, LIMITS.manifest), "the manifest")
        config = _json(
            _blob(medium, _descriptor(manifest.get("config")), LIMITS.manifest), "the configuration"
        )
        files = into / "files"
        files.mkdir()
        paths = list(_unpack(medium, manifest, BlobStore(into / "blobs"), files))
        shutil.rmtree(into / "blobs", ignore_errors=True)
        return _understand(files, paths, _licence(config), chosen[0])
    except (ValueError, OSError) as error:
        raise _refused(layout, str(error)) from error
    except UpdateError as error:
        if error.code.startswith("disk."):
            raise
        raise _refused(layout, error.what) from error


def _choose(index: dict[str, Any], reference: str | None) -> tuple[Digest, int]:
    manifests = index.get("manifests")
    if not isinstance(manifests, list):
        raise ValueError("its index lists no manifests")
    found = {}
    for told in manifests:
        descriptor = _descriptor(told)
        name = str((told.get("annotations") or {}).get(_REFERENCE, ""))
        if reference is None or reference in (name, str(descriptor[0])):
            found[descriptor[0]] = (name, descriptor)
    if len(found) != 1:
        names = ", ".join(sorted(name or str(digest) for digest, (name, _) in found.items())[:8])
        raise ValueError(f"it holds {len(found)} manifests that fit ({names or 'none'}); name one")
    (_, descriptor), *_ = found.values()
    return descriptor


def _unpack(medium: Medium, manifest: dict[str, Any], blobs: BlobStore, into: Path) -> Iterator[str]:
    """The files of the layers that are parts of a model; layers of other types, such as evidence, are passed over."""
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not 1 <= len(layers) <= LIMITS.layers:
        raise ValueError("its manifest has no layers, or far too many")
    seen: set[str] = set()
    for layer in layers:
        digest, size = _descriptor(layer)
        if not str(layer.get("mediaType")).startswith(_PREFIXES):
            continue
        with medium.open(blob_file(digest.hex)) as source:
            blob = blobs.put_stream(source, digest, size)
        for path in _files(layer, blob, into):
            if path.casefold() in seen:
                raise ValueError(f"{path} stands in it twice")
            seen.add(path.casefold())
            yield path


def _files(layer: dict[str, Any], blob: Path, into: Path) -> Iterator[str]:
    media_type = str(layer.get("mediaType"))
    if media_type.endswith((".tar", ".tar+gzip")):
        yield from take_files(blob, into, compressed=media_type.endswith("+gzip"))
        return
    if media_type.endswith("+zstd"):
        raise ValueError("a layer is compressed by zstd; pack it as raw, tar or tar+gzip")
    annotations = layer.get("annotations") or {}
    path = check_file_path(str(annotations.get(FILEPATH) or _PLAIN.get(media_type, "")))
    if (into / path).exists():
        raise ValueError(f"{path} stands in it twice")
    (into / path).parent.mkdir(parents=True, exist_ok=True)
    blob.replace(into / path)
    yield path


def _understand(files: Path, paths: list[str], licence: str, manifest: Digest) -> UnpackedModel:
    models = [path for path in paths if Path(path).suffix.lower().removeprefix(".") in tuple(Format)]
    if len(models) != 1:
        raise ValueError(f"it has {len(models)} ONNX or GGUF files, not one")
    golden = [path for path in paths if Path(path).name == "golden.json"]
    labels = [path for path in paths if Path(path).name == LABELS]
    licences = [path for path in paths if Path(path).stem.upper() in ("LICENSE", "LICENCE")]
    used = {models[0], *golden[:1], *labels[:1], *licences[:1]}
    folder = Path(golden[0]).parent if golden else None
    if folder == Path():
        raise ValueError("its golden.json has no folder of its own")
    left_out = [
        path for path in paths if path not in used and (folder is None or folder not in Path(path).parents)
    ]
    return UnpackedModel(
        files / models[0],
        files / folder if folder is not None else None,
        files / labels[0] if labels else None,
        files / licences[0] if licences else None,
        licence,
        manifest,
        tuple(sorted(left_out)),
    )


def _licence(config: dict[str, Any]) -> str:
    descriptor = config.get("descriptor")
    licences = descriptor.get("licenses") if isinstance(descriptor, dict) else None
    return " AND ".join(str(told) for told in licences) if isinstance(licences, list) else ""


def _blob(medium: Medium, descriptor: tuple[Digest, int], limit: int) -> bytes | None:
    digest, size = descriptor
    data = medium.read(blob_file(digest.hex), limit)
    if data is not None and (len(data) != size or Digest.of(data) != digest):
        raise ValueError(f"the blob {digest} is damaged")
    return data


def _descriptor(value: Any) -> tuple[Digest, int]:
    if not isinstance(value, dict) or type(value.get("size")) is not int or value["size"] < 0:
        raise ValueError("a descriptor is not understood")
    return Digest.parse(str(value.get("digest"))), value["size"]


def _json(data: bytes | None, what: str) -> dict[str, Any]:
    """Read leniently: other tools' documents may hold fields and numbers that ours never do."""
    if data is None:
        raise ValueError(f"{what} is missing")
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError(f"{what} is no JSON") from error
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object")
    return value


def _refused(layout: Path, why: str) -> DepotError:
    return DepotError(
        "depot.bad-layout",
        f"The OCI layout {layout} cannot be taken: {why.rstrip('.')}.",
        kept="The depot was left as it is.",
        remedy="Pack the model again as one ONNX or GGUF file, in raw, tar or tar+gzip layers.",
    )
