"""What a model's evidence says, as this box reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelEvidence:
    """The model's bytes are bound by the signed targets; this is what else is said of them, and by whom."""

    name: str
    version: str
    licence: str
    components: int | None
    """Files in the CycloneDX bill of materials; None where the model came without one."""
    builder: str | None
    """The depot, by the digest of its first root; None where the model came without provenance."""
    tool: str | None
    sources: tuple[SourceFile, ...]
    """What the model was packed from."""
    signers: tuple[str, ...]
    """Keys trusted here that have signed the provenance; none means that only the signed targets vouch for it."""
    model_signature: str | None
    """The model's name in its maker's OpenSSF signature; None where it came without."""
    signature_covers: bool | None
    """Whether that signature is over these very weights."""
    signature_checked_with: str | None
    """The maker's key that the depot checked it with; None where nobody did. This box trusts no maker's key itself."""
    unreadable: tuple[str, ...]
    """Pieces that are not understood, with the reason."""
