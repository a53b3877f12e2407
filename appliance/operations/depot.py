"""The connected side: make a depot, pack models, write media."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.control.messages import OnProgress, Progress
from appliance.errors import ApplianceError
from appliance.operations.context import LocalContext
from appliance.release import BUILT
from appliance.results import DepotMade, ModelAdded, RoleKeys, UpdatePublished
from runtimes.errors import EngineError
from runtimes.golden import load_golden_folder
from runtimes.modelfile import identify
from updates.artifacts import Artifact
from updates.depot.evidence import MakerSignature
from updates.depot.modelpack import UnpackedModel, unpack_model
from updates.depot.models import ModelArtifact
from updates.depot.models import add_model as pack_model
from updates.depot.publish import publish as write_medium
from updates.depot.repository import ROLES, Depot
from updates.depot.roles import holders
from updates.depot.settings import ALL_ROLES
from updates.depot.sharing import Shape
from updates.depot.tokens import AskPassphrase
from updates.evidence import ENVELOPE_TYPE
from updates.inspect import inspect
from updates.manifest import parse_manifest
from updates.media import Medium
from updates.models import Objective
from updates.receipt import Receipt, read_receipts
from updates.trust.clock import effective_time
from updates.trust.state import TrustState


def init(
    context: LocalContext,  # noqa: ARG001 - every operation is called alike
    *,
    depot: str,
    key: Sequence[str] | None,
    delegate: Sequence[str] | None,
    passphrase_file: str | None,
    threshold: Sequence[str] | None,
) -> DepotMade:
    thresholds = {role: _number(role, value) for role, value in map(by_role, threshold or ())}
    keys: dict[str, list[Path | str]] = {}
    for role, reference in map(by_role, key or ()):
        keys.setdefault(role, []).append(reference)
    made = Depot.create(
        Path(depot),
        thresholds=thresholds,
        keys=keys,
        delegate=delegate or (),
        passphrase=passphrase(passphrase_file),
    )
    found = ((role, holders(made, role)) for role in (*ROLES, *made.settings.delegations))
    roles = (RoleKeys(role, held.threshold, tuple(held.keys)) for role, held in found)
    return DepotMade(depot, str(made.root_file), str(made.path / "keys"), tuple(roles))


def add_model(
    context: LocalContext,
    *,
    depot: str,
    name: str,
    version: str,
    file: str | None,
    oci: str | None,
    oci_reference: str | None,
    golden: str | None,
    labels: str | None,
    licence: str | None,
    licence_file: str | None,
    summary: str,
    objective: str,
    latency_ms: float | None,
    memory_mib: float | None,
    model_signature: str | None,
    model_signer: str | None,
    passphrase_file: str | None,
) -> ModelAdded:
    """What a box would refuse is refused here, where somebody can mend it."""
    opened = open_depot(depot, passphrase_file)
    with _given(context, opened, file, oci, oci_reference) as found:
        golden_folder = Path(golden) if golden else found.golden
        if golden_folder is None:
            raise ApplianceError(
                "depot.no-golden",
                f"{name} comes without golden samples.",
                kept="Nothing was added.",
                remedy="Name their folder with --golden; docs/golden-samples.md says what it holds.",
            )
        context.progress(Progress("check", str(found.file)))
        model_format = _checked(found.file)
        samples = load_golden_folder(golden_folder)
        context.progress(Progress("pack", f"{name} {version}"))
        added = pack_model(
            opened,
            ModelArtifact(
                name=name,
                version=version,
                file=found.file,
                golden=golden_folder,
                labels=Path(labels) if labels else found.labels,
                licence=licence or found.licence,
                licence_file=Path(licence_file) if licence_file else found.licence_file,
                objective=Objective(objective),
                latency_objective_ms=latency_ms,
                memory_limit_mib=memory_mib,
                description=summary,
                signature=_maker_signature(model_signature, model_signer),
                origin=found.manifest,
            ),
        )
    return ModelAdded(
        name,
        version,
        model_format,
        added.digest.hex,
        added.size,
        len(samples.samples),
        found.left_out,
        _provenance_signed(opened, added),
    )


def _provenance_signed(depot: Depot, added: Artifact) -> bool:
    manifest = parse_manifest(depot.blobs.path(added.digest).read_bytes(), added.manifest_file)
    return any(layer.media_type == ENVELOPE_TYPE for layer in manifest.layers)


@contextmanager
def _given(
    context: LocalContext, depot: Depot, file: str | None, oci: str | None, reference: str | None
) -> Iterator[UnpackedModel]:
    """The model's files, unpacked into a folder that vanishes afterwards where they lie in a layout."""
    if (file is None) == (oci is None):
        raise ApplianceError(
            "depot.bad-model",
            "A model is one file, or an OCI image layout: exactly one of the two must be named.",
            kept="Nothing was added.",
            remedy="Give --file FILE or --oci FOLDER.",
        )
    if file is not None:
        yield UnpackedModel(Path(file))
        return
    context.progress(Progress("unpack", str(oci)))
    with TemporaryDirectory(dir=depot.path, prefix="unpacked-") as folder:
        yield unpack_model(Path(str(oci)), Path(folder), reference)


def _checked(file: Path) -> str:
    model = identify(file)
    if file.suffix.lower() != f".{model.format}":
        raise EngineError(
            "model.not-what-it-says",
            f"{file} is {model.format}, whatever its name says.",
            kept="Nothing was added.",
            remedy=f"Give it a name that ends in .{model.format}.",
        )
    return str(model.format)


def publish(
    context: LocalContext,
    *,
    depot: str,
    medium: str,
    passphrase_file: str | None,
    against: str | None,
    split_size: int | None,
    number: int,
    parity: int,
) -> UpdatePublished:
    opened = open_depot(depot, passphrase_file)
    shape = Shape(_receipt(Path(against)) if against else None, split_size, number, parity)
    published = write_medium(opened, Path(medium), shape, on_progress=_in_bytes(context.progress))
    trust = TrustState.from_root(opened.root_bytes())
    written = Medium(published.folder)
    roles = inspect(written, trust, effective_time(build=BUILT)).roles
    return UpdatePublished(
        str(published.folder),
        tuple(f"{a.identity.name} {a.identity.version}" for a in published.artifacts),
        next(role.version for role in roles if role.role == "timestamp"),
        len(written.files()),
        published.size,
        min(role.expires for role in roles).isoformat(),
        number,
        published.media,
    )


def _receipt(file: Path) -> Receipt:
    """The one receipt at `file`, which may be a medium that holds it."""
    receipts, faults = read_receipts(file)
    if len(receipts) == 1 and not faults:
        return receipts[0].receipt
    raise ApplianceError(
        "depot.which-receipt",
        faults[0].what if faults else f"There are {len(receipts)} receipts at {file}, not one.",
        kept="Nothing was signed or written.",
        remedy="Name the receipt's own file, in appliance-receipts on a medium that the box has read.",
    )


def _in_bytes(progress: OnProgress) -> Callable[[str, int, int], None]:
    def tell(phase: str, done: int, total: int) -> None:
        progress(Progress(phase, "the medium", done, total, "bytes", medium_needed=True))

    return tell


def _maker_signature(file: str | None, key: str | None) -> MakerSignature | None:
    if file is None:
        return None
    return MakerSignature(Path(file), Path(key) if key else None)


def open_depot(depot: str, passphrase_file: str | None) -> Depot:
    return Depot.open(Path(depot), asked_for(passphrase_file))


def asked_for(passphrase_file: str | None) -> AskPassphrase | None:
    secret = passphrase(passphrase_file)
    return None if secret is None else lambda _: secret


def by_role(given: str) -> tuple[str, str]:
    role, separator, value = given.partition("=")
    if not separator or role not in ALL_ROLES:
        raise ApplianceError(
            "depot.unknown-role",
            f"{given!r} does not begin with a role.",
            kept="Nothing was made.",
            remedy=f"Write ROLE=VALUE with one of {', '.join(ALL_ROLES)}.",
        )
    return role, value


def _number(role: str, value: str) -> int:
    if not value.isdigit():
        raise ApplianceError("depot.threshold", f"{value!r} is no number of signatures for {role}.")
    return int(value)


def passphrase(file: str | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ApplianceError(
            "depot.passphrase", f"The passphrase file {file} cannot be read: {error.strerror}."
        ) from error
