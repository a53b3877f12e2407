"""What a worker with a user of its own, in the daemon's group, may reach of a box: the models, and nothing else."""

from pathlib import Path

from tests.appliance.cli import Cli

ROW = [1.0, 2.0, 3.0, 4.0]


def modes(folder: Path, *names: str) -> dict[str, str]:
    return {name: f"{(folder / name).stat().st_mode & 0o777:04o}" for name in names}


def test_secrets_are_the_owners_alone_and_blobs_are_the_groups_too(serving_box: Cli) -> None:
    with serving_box.daemon():
        serving_box.ok("infer", "linear", "--input", f"x={[ROW]}")
    private = ("keys", "keys/device.pem", "appliance.sqlite3", "telemetry.sqlite3", "lock")
    assert modes(serving_box.state, ".", "blobs", "blobs/sha256", *private) == {
        ".": "0710",
        "blobs": "0755",
        "blobs/sha256": "0755",
        "keys": "0700",
        "keys/device.pem": "0600",
        "appliance.sqlite3": "0600",
        "telemetry.sqlite3": "0600",
        "lock": "0600",
    }
    assert {path.stat().st_mode & 0o777 for path in (serving_box.state / "blobs/sha256").iterdir()} == {0o444}
