"""Receipts: what a box writes on a medium, and what a depot makes of it."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.updates.conftest import write
from updates.depot import fleet
from updates.depot.repository import Depot
from updates.errors import DepotError, MediumError, TrustError
from updates.media import Medium
from updates.receipt import (
    HeldArtifact,
    HeldFile,
    Receipt,
    Result,
    SignedReceipt,
    parse_receipt,
    read_receipts,
    write_receipt,
)

KEY = Ed25519PrivateKey.generate()
RECEIPT = Receipt(
    "Line 4 / Halle Süd",
    b64encode(KEY.public_key().public_bytes_raw()).decode(),
    "2026-06-01T12:00:00.000Z",
    7,
    "",
    (HeldArtifact("model", "line", "1.0.0", "0" * 64),),
    (HeldFile("1" * 64, "2" * 64), HeldFile("3" * 64)),
    (Result("model", "line", "1.1.0", "certify.wrong", "off by one"),),
    "a note",
    ("a proof",),
)


def signed(receipt: Receipt, key: Ed25519PrivateKey = KEY) -> SignedReceipt:
    return SignedReceipt(receipt, receipt.to_bytes(key.sign))


def cosign(receipt: Receipt, known: str) -> str:
    return f"{receipt.box}\n{receipt.checkpoint} after {known or 'nothing'}"


def test_a_receipt_survives_the_medium(tmp_path: Path) -> None:
    file = write_receipt(Medium(tmp_path / "appliance-update"), RECEIPT, KEY.sign)
    assert file.parent == tmp_path / "appliance-receipts"
    assert set(file.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    for place in (tmp_path, file.parent, file):
        found, faults = read_receipts(place)
        assert ([one.receipt for one in found], faults) == ([RECEIPT], [])


def test_boxes_of_one_name_do_not_overwrite_each_other() -> None:
    other = b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    assert replace(RECEIPT, key=other).file_name != RECEIPT.file_name
    assert replace(RECEIPT, box="///").file_name.startswith("box-")


def test_what_is_wrong_with_one_receipt_does_not_hide_the_others(tmp_path: Path) -> None:
    folder = write_receipt(Medium(tmp_path / "appliance-update"), RECEIPT, KEY.sign).parent
    write(folder / "broken.json", b"{")
    write(folder / "forged.json", signed(RECEIPT).data.replace(b"1.0.0", b"1.0.1"))
    write(folder / "._broken.json", b"left by a Mac")
    found, faults = read_receipts(tmp_path)
    assert [one.receipt for one in found] == [RECEIPT]
    assert {fault.file for fault in faults} == {"broken.json", "forged.json"}
    assert read_receipts(tmp_path / "no-medium") == ([], [])


def test_a_receipt_that_another_key_signed_is_refused() -> None:
    with pytest.raises(TrustError) as caught:
        parse_receipt(signed(RECEIPT, Ed25519PrivateKey.generate()).data, "x")
    assert caught.value.code == "receipt.forged"


@pytest.mark.parametrize(
    "change",
    [
        {"artifacts": (HeldArtifact("model", "../line", "1.0.0", "0" * 64),)},
        {"artifacts": (HeldArtifact("model", "line", "1.0.0", "short"),)},
        {"files": (HeldFile("1" * 63 + "/"),)},
        {"metadata_version": -1},
        {"box": ""},
        {"box": "two\nlines"},
    ],
)
def test_a_receipt_that_says_nonsense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MediumError) as caught:
        parse_receipt(signed(replace(RECEIPT, **change)).data, "x")  # type: ignore[arg-type]
    assert caught.value.code == "medium.malformed"


def test_a_depot_keeps_the_newest_receipt_and_cosigns_it(depot: Depot) -> None:
    newer = replace(RECEIPT, time="2026-06-02T12:00:00.000Z", checkpoint="a later note")
    assert fleet.take(depot, signed(RECEIPT), cosign)
    assert fleet.take(depot, signed(newer), cosign)
    assert not fleet.take(depot, signed(RECEIPT), cosign)
    (member,) = fleet.members(depot)
    assert member.receipt == newer
    assert member.cosigned.startswith(f"{RECEIPT.box}\na later note after {RECEIPT.box}\na note")
    assert fleet.cosignatures(depot) == {RECEIPT.box: member.cosigned}
    assert fleet.lacking(member, [("model", "line", "1.0.0"), ("model", "line", "1.1.0")]) == ["line 1.1.0"]


def test_a_receipt_that_is_not_cosigned_is_not_kept(depot: Depot) -> None:
    def refuse(receipt: Receipt, known: str) -> str:
        raise TrustError("fleet.log-rolled-back", "no")

    with pytest.raises(TrustError):
        fleet.take(depot, signed(RECEIPT), refuse)
    assert fleet.members(depot) == []


def test_a_damaged_fleet_is_told(depot: Depot) -> None:
    write(depot.path / "fleet" / "box.json", b"{}")
    with pytest.raises(DepotError) as caught:
        fleet.members(depot)
    assert caught.value.code == "depot.damaged"
