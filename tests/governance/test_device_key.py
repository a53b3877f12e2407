"""The device key's file."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from appliance.audit.key import DeviceKey
from appliance.errors import ApplianceError


def test_a_key_is_kept_for_its_owner_alone_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "device-key.pem"
    made = DeviceKey.create(path, "appliance/box-7")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert DeviceKey.load(path, "appliance/box-7").verifier == made.verifier


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "device-key.pem"
    DeviceKey.create(path, "appliance/box-7")
    before = path.read_bytes()
    with pytest.raises(ApplianceError) as caught:
        DeviceKey.create(path, "appliance/box-7")
    assert caught.value.code == "key.exists"
    assert path.read_bytes() == before


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "device-key.pem"
    DeviceKey.create(path, "appliance/box-7")
    path.chmod(0o640)
    assert refusal(path) == "key.exposed"


def test_a_missing_key_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "device-key.pem") == "key.missing"


def test_a_damaged_key_and_a_key_of_another_kind_are_told(tmp_path: Path) -> None:
    path = tmp_path / "device-key.pem"
    path.touch(0o600)
    assert refusal(path) == "key.unreadable"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert refusal(path) == "key.unreadable"


def test_an_origin_that_a_note_cannot_carry_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError) as caught:
        DeviceKey.create(tmp_path / "device-key.pem", "appliance/box 7")
    assert caught.value.code == "note.name"
    assert not list(tmp_path.iterdir())


def refusal(path: Path) -> str:
    with pytest.raises(ApplianceError) as caught:
        DeviceKey.load(path, "appliance/box-7")
    assert str(path) in caught.value.what
    return caught.value.code
