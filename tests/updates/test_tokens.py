"""Keys on PKCS #11 tokens, against SoftHSM2; skipped where that is not installed."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.updates.conftest import NOW, Box
from tests.updates.people import refused, stick
from updates.depot.keys import signs
from updates.depot.models import ModelArtifact, add_model
from updates.depot.repository import Depot
from updates.depot.signing import sign
from updates.depot.status import status
from updates.depot.tokens import open_token
from updates.depot.turns import collect, request, sign_request
from updates.errors import DepotError

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("**/libsofthsm2.so"))), Path("missing"))
TOKEN = "hsm:2?label=anna"
PIN = "1234"

pytestmark = [
    pytest.mark.skipif(
        shutil.which("softhsm2-util") is None, reason="SoftHSM2 is not installed (Debian: softhsm2)"
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("pkcs11") is None, reason="python-pkcs11 is not installed (extra `token`)"
    ),
]


@pytest.fixture(scope="module", autouse=True)
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A token named anna with a P-256 key under id 2. The library reads its settings once a process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SOFTHSM2_CONF", str(settings))
        patched.setenv("PYKCS11LIB", str(LIBRARY))
        words = ["--init-token", "--free", "--label", "anna", "--pin", PIN, "--so-pin", "5678"]
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)  # noqa: S607
        _make_key()
        yield


def _make_key() -> None:
    import pkcs11  # noqa: PLC0415 - where it is missing, everything here is skipped
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415

    with pkcs11.lib(str(LIBRARY)).get_token(token_label="anna").open(rw=True, user_pin=PIN) as session:
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        parameters.generate_keypair(store=True, id=b"\x02", label="signing")


def with_token(tmp_path: Path, gguf: Path, role: str) -> Depot:
    depot = Depot.create(tmp_path / "d", keys={role: [TOKEN]}, now=NOW, ask=lambda _: PIN.encode())
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    return depot


@pytest.mark.parametrize("role", ["root", "targets", "models", "timestamp"])
def test_a_token_signs_for_any_role_and_boxes_accept_it(tmp_path: Path, gguf: Path, role: str) -> None:
    depot = with_token(tmp_path, gguf, role)
    medium = stick(tmp_path, depot)
    preview = Box.fresh(depot, tmp_path).inspect(medium)
    report = next(report for report in preview.roles if report.role == role)
    assert [signer.name for signer in report.signers] == ["anna"]
    assert Depot.open(depot.path).keys[role][0].file == TOKEN


def test_a_token_signs_in_turn_what_waits_in_a_file(tmp_path: Path, gguf: Path) -> None:
    depot = with_token(tmp_path, gguf, "models")
    depot.settings.keys["models"] = []
    assert [item.role for item in request(depot, tmp_path / "f", NOW)] == ["models"]
    sign_request(tmp_path / "f", [TOKEN], lambda _: PIN.encode())
    assert collect(depot, tmp_path / "f").lacking == ()
    assert "models" in sign(depot, NOW)


@pytest.mark.parametrize("ask", [None, lambda _: b"0000"])
def test_a_token_stays_closed_without_its_pin(tmp_path: Path, gguf: Path, ask: object) -> None:
    with_token(tmp_path, gguf, "models")
    with pytest.raises(DepotError) as caught:
        sign(Depot.open(tmp_path / "d", ask), NOW)  # type: ignore[arg-type]
    assert refused(caught) == "depot.key-locked"


def test_a_token_that_is_pulled_out_leaves_the_others_to_sign(
    tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = with_token(tmp_path, gguf, "models")
    monkeypatch.delenv("PYKCS11LIB")
    assert not signs(TOKEN)
    with pytest.raises(DepotError) as caught:
        sign(depot, NOW)
    assert refused(caught) == "depot.signatures-missing"
    assert [item.role for item in status(depot, NOW).lacking] == ["models"]


@pytest.mark.parametrize("uri", ["hsm:2?label=nobody", "hsm:77?label=anna", "hsm:x"])
def test_a_token_or_key_that_is_not_there_is_told(uri: str) -> None:
    with pytest.raises(DepotError) as caught:
        open_token(uri, "anna", lambda _: PIN.encode())
    assert refused(caught) == "depot.token"
