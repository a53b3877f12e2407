"""OCI image layouts as other tools write them."""

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

KITOPS = "application/vnd.kitops.modelkit.model.v1.tar+gzip"
MODCTL = "application/vnd.cncf.model.weight.v1.tar"
RAW = "application/vnd.cncf.model.weight.v1.raw"
DOC = "application/vnd.cncf.model.doc.v1.raw"
DATASET = "application/vnd.cncf.model.dataset.v1.tar"


class Layout:
    """A layout in a folder, layer by layer; `finish` writes manifest and index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        self.layers: list[dict[str, Any]] = []
        self.manifests: list[dict[str, Any]] = []

    def layer(self, media_type: str, data: bytes, path: str | None = None) -> None:
        annotations = {"annotations": {"org.cncf.model.filepath": path}} if path else {}
        self.layers.append(self.blob(media_type, data) | annotations)

    def finish(self, name: str = "latest", **config: Any) -> Path:
        told = {"descriptor": {"name": name, "licenses": ["MIT"]}, "modelfs": {"type": "layers"}, **config}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.blob("application/vnd.cncf.model.config.v1+json", json.dumps(told).encode()),
            "layers": self.layers,
            "subject": None,
        }
        descriptor = self.blob("application/vnd.oci.image.manifest.v1+json", json.dumps(manifest).encode())
        self.manifests.append(descriptor | {"annotations": {"org.opencontainers.image.ref.name": name}})
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": self.manifests}))
        self.layers = []
        return self.folder

    def blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        digest = sha256(data).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def tar(*members: tuple[str, bytes] | tarfile.TarInfo, compressed: bool = False, pax: bool = False) -> bytes:
    """A tar of plain files, and of whatever else a TarInfo says."""
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out,
        mode="w:gz" if compressed else "w",
        format=tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT,
    ) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(bytes(member.size)))
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info
