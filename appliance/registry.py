"""What the box has and does: imported artifacts, the metadata it trusts, its imports and deployments."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from appliance.errors import ApplianceError
from appliance.store.database import Database, Transaction
from runtimes.selection.plan import Plan
from updates.layout import DOC_TYPE, MODEL_CONFIG_TYPE

EVIDENCE_TYPES = (DOC_TYPE, MODEL_CONFIG_TYPE)
"""Media types of what stays when an artifact is retired, beside its manifest: documents and configurations."""


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact; its bytes are the blob `digest`."""

    path: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What a package says of how it wants to be run."""

    objective: str = "latency"
    latency_seconds: float | None = None
    """p50 that the model's owner asks for."""
    memory: int | None = None
    """Bytes that its worker may use."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One imported version of something; `digest` is that of its manifest."""

    digest: str
    kind: str
    name: str
    version: str
    summary: str
    licence: str
    format: str
    size: int
    config: ModelConfig
    imported: str
    files: tuple[ArtifactFile, ...]
    retired: str | None = None
    """When its content was removed; then its evidence alone is left."""

    @property
    def kind_of_answer(self) -> str:
        """`text` or `tensor`."""
        return "text" if self.format == "gguf" else "tensor"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model under its public name, with the plan it runs by."""

    name: str
    artifact: Artifact
    plan: Plan
    deployed: str

    @property
    def planned_p50_seconds(self) -> float | None:
        """What was measured for the chosen candidate."""
        chosen = self.plan.chosen
        return chosen.measurement.p50_seconds if chosen and chosen.measurement else None


@dataclass(frozen=True, slots=True)
class Import:
    """One medium that was applied."""

    time: str
    medium: str
    metadata_version: int
    report: Any
    """`appliance.results.ImportReport` as JSON values."""


class Registry:
    """Reads any time; changes only within a transaction that its caller also gives to the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def artifacts(self) -> tuple[Artifact, ...]:
        """All that are here, newest import last."""
        rows = self._database.query("SELECT * FROM artifacts WHERE retired IS NULL ORDER BY imported, rowid")
        return tuple(self._artifact(row) for row in rows)

    def retired(self) -> tuple[Artifact, ...]:
        """Those of which evidence alone is left, in the order of their import."""
        rows = self._database.query(
            "SELECT * FROM artifacts WHERE retired IS NOT NULL ORDER BY imported, rowid"
        )
        return tuple(self._artifact(row) for row in rows)

    def artifact(self, kind: str, name: str, version: str | None = None) -> Artifact:
        """One version, or the newest imported one. Raises ApplianceError: `artifact.unknown`, `artifact.retired`."""
        row = self._database.row(
            "SELECT * FROM artifacts WHERE kind = ? AND name = ? AND (?3 IS NULL OR version = ?3) "
            "ORDER BY retired IS NOT NULL, imported DESC, rowid DESC LIMIT 1",
            (kind, name, version),
        )
        if row is not None and row["retired"] is not None:
            raise ApplianceError(
                "artifact.retired",
                f"The content of {kind} {name} {row['version']} was removed on {row['retired'][:10]}.",
                kept="Its evidence is kept: manifest, documents, plan and audit entries.",
                remedy="Choose a version that `appliance models` lists, or import an update that brings it again.",
            )
        if row is None:
            which = f"{kind} {name}" + (f" {version}" if version else "")
            raise ApplianceError(
                "artifact.unknown",
                f"This box has no {which}.",
                kept="Nothing was changed.",
                remedy="List what it has with `appliance models`, or import an update that brings it.",
            )
        return self._artifact(row)

    def add_artifact(self, tx: Transaction, artifact: Artifact) -> None:
        tx.execute(
            "INSERT INTO artifacts (digest, kind, name, version, summary, licence, format, size, config, imported) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (digest) DO UPDATE SET retired = NULL, imported = excluded.imported",
            (
                artifact.digest,
                artifact.kind,
                artifact.name,
                artifact.version,
                artifact.summary,
                artifact.licence,
                artifact.format,
                artifact.size,
                msgspec.json.encode(artifact.config).decode(),
                artifact.imported,
            ),
        )
        for file in artifact.files:
            tx.execute(
                "INSERT OR IGNORE INTO artifact_files (artifact, path, media_type, digest, size) VALUES (?, ?, ?, ?, ?)",
                (artifact.digest, file.path, file.media_type, file.digest, file.size),
            )

    def retire(self, tx: Transaction, digest: str, time: str) -> None:
        """From now on only its evidence is kept."""
        tx.execute("UPDATE artifacts SET retired = ? WHERE digest = ?", (time, digest))

    def blobs(self) -> frozenset[str]:
        """Digests of every blob that something refers to: of retired artifacts, the manifest and the documents."""
        rows = self._database.query(
            "SELECT digest FROM artifacts UNION SELECT f.digest FROM artifact_files f JOIN artifacts a "
            "ON a.digest = f.artifact WHERE a.retired IS NULL OR f.media_type IN (?, ?)",
            EVIDENCE_TYPES,
        )
        return frozenset(row["digest"] for row in rows)

    def deployments(self) -> tuple[Deployment, ...]:
        rows = self._database.query("SELECT * FROM deployments ORDER BY name")
        return tuple(self._deployment(row) for row in rows)

    def deployment(self, name: str) -> Deployment | None:
        row = self._database.row("SELECT * FROM deployments WHERE name = ?", (name,))
        return None if row is None else self._deployment(row)

    def put_deployment(self, tx: Transaction, deployment: Deployment) -> None:
        tx.execute(
            "INSERT INTO deployments (name, artifact, plan, deployed) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET artifact = excluded.artifact, plan = excluded.plan, "
            "deployed = excluded.deployed",
            (
                deployment.name,
                deployment.artifact.digest,
                msgspec.json.encode(deployment.plan).decode(),
                deployment.deployed,
            ),
        )
        tx.execute(
            "INSERT INTO past_deployments SELECT * FROM deployments WHERE name = ? ON CONFLICT (name, artifact) "
            "DO UPDATE SET plan = excluded.plan, deployed = excluded.deployed",
            (deployment.name,),
        )

    def past_deployments(self, name: str) -> tuple[Deployment, ...]:
        """Every version that is here and ran under a name, with its newest plan, in the order they last went live."""
        rows = self._database.query(
            "SELECT p.* FROM past_deployments p JOIN artifacts a ON a.digest = p.artifact "
            "WHERE p.name = ? AND a.retired IS NULL ORDER BY p.deployed, p.rowid",
            (name,),
        )
        return tuple(self._deployment(row) for row in rows)

    def remove_deployment(self, tx: Transaction, name: str) -> None:
        tx.execute("DELETE FROM deployments WHERE name = ?", (name,))

    def trusted_metadata(self) -> dict[str, bytes]:
        """The bytes of each TUF role that the box trusts now, by the role's name."""
        rows = self._database.query("SELECT role, content FROM trusted_metadata")
        return {row["role"]: row["content"] for row in rows}

    def put_trusted_metadata(self, tx: Transaction, content: Mapping[str, bytes]) -> None:
        tx.execute("DELETE FROM trusted_metadata")
        for role, metadata in content.items():
            tx.execute("INSERT INTO trusted_metadata (role, content) VALUES (?, ?)", (role, metadata))

    def add_import(self, tx: Transaction, imported: Import) -> None:
        tx.execute(
            "INSERT INTO imports (time, medium, metadata_version, report) VALUES (?, ?, ?, ?)",
            (
                imported.time,
                imported.medium,
                imported.metadata_version,
                msgspec.json.encode(imported.report).decode(),
            ),
        )

    def last_import(self) -> Import | None:
        row = self._database.row("SELECT * FROM imports ORDER BY number DESC LIMIT 1")
        if row is None:
            return None
        return Import(row["time"], row["medium"], row["metadata_version"], msgspec.json.decode(row["report"]))

    def _artifact(self, row: sqlite3.Row) -> Artifact:
        files = self._database.query(
            "SELECT path, media_type, digest, size FROM artifact_files WHERE artifact = ? ORDER BY path",
            (row["digest"],),
        )
        columns = {key: row[key] for key in row.keys() if key != "config"}  # noqa: SIM118 - a Row iterates its values
        return Artifact(
            **columns,
            config=msgspec.json.decode(row["config"], type=ModelConfig),
            files=tuple(ArtifactFile(*file) for file in files),
        )

    def _deployment(self, row: sqlite3.Row) -> Deployment:
        artifact = self._database.row("SELECT * FROM artifacts WHERE digest = ?", (row["artifact"],))
        if artifact is None:
            raise ApplianceError(
                "database.corrupt",
                f"The artifact of the deployment {row['name']} is missing from the registry.",
            )
        plan = msgspec.json.decode(row["plan"], type=Plan)
        return Deployment(row["name"], self._artifact(artifact), plan, row["deployed"])


def blob_path(blobs: Path, digest: str) -> Path:
    """Where a blob lies below the blob store's folder (OCI image layout)."""
    return blobs / "sha256" / digest
