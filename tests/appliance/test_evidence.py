"""What a box says of a model besides the model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.cli.main import main
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.updates.makers import digest_of, model_signature, public_half


def test_a_box_shows_what_came_with_a_model(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    depot = TestDepot(tmp_path / "signed")
    depot.add_linear("plain")
    maker = ec.generate_private_key(ec.SECP256R1())
    weights = tmp_path / "signed" / "plain-1.0.0" / "linear.onnx"
    (tmp_path / "model.sig").write_bytes(model_signature({"linear.onnx": digest_of(weights)}, maker))
    signed = ("--model-signature", str(tmp_path / "model.sig"))
    common = ("--version", "1.0.0", "--file", str(weights), "--golden", str(weights.with_name("golden")))
    key = ("--model-signer", str(public_half(tmp_path, maker)))
    depot.cli.ok("depot", "add-model", str(depot.depot), "--name", "checked", *common, *signed, *key)
    depot.cli.ok("depot", "add-model", str(depot.depot), "--name", "carried", *common, *signed)
    box = new_box(depot)
    box.ok("update", "import", str(depot.publish()))

    plain = box.ok("evidence", "plain")
    assert (plain["licence"], plain["model_signature"], plain["unreadable"]) == ("Apache-2.0", None, [])
    assert plain["signers"] == ["targets-1"]
    assert plain["sources"][0] == {"name": "linear.onnx", "sha256": digest_of(weights)}
    checked, carried = box.ok("evidence", "checked"), box.ok("evidence", "carried")
    assert checked["signature_covers"] is carried["signature_covers"] is True
    assert checked["signature_checked_with"]
    assert carried["signature_checked_with"] is None
    assert main(["evidence", "carried", "--state-dir", str(box.state)]) == 0
    assert "checked by nobody" in " ".join(capsys.readouterr().out.split())
    box.fails("artifact.unknown", "evidence", "nothing")


def test_a_signature_over_another_file_is_refused_at_the_depot(tmp_path: Path) -> None:
    depot = TestDepot(tmp_path / "signed")
    depot.add_linear("plain")
    weights = tmp_path / "signed" / "plain-1.0.0" / "linear.onnx"
    maker = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "model.sig").write_bytes(model_signature({"linear.onnx": "00" * 32}, maker))
    words = ("--name", "other", "--version", "1.0.0", "--file", str(weights))
    more = ("--golden", str(weights.with_name("golden")), "--model-signature", str(tmp_path / "model.sig"))
    depot.cli.fails("depot.model-signature", "depot", "add-model", str(depot.depot), *words, *more)
