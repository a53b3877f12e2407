"""What the daemon answers to the import's commands, as JSON values."""

from typing import Any

import msgspec

from appliance.results import Applied, ArtifactPreview, ImportReport, Rejected, Signed, UpdatePreview

PREVIEW = UpdatePreview(
    medium="/media/usb0",
    artifacts=(
        ArtifactPreview(
            "model", "line-inspection", "1.5.0", "Scratches and dents", 9_300_000, "ab" * 32, "newer", "1.4.0"
        ),
        ArtifactPreview(
            "model",
            "maintenance-writer",
            "0.9.2",
            "Answers in English",
            2_100_000,
            "ab" * 32,
            "present",
            None,
        ),
        ArtifactPreview("model", "weed-detector", "3.0.0", "Three weeds", 3_800_000, "cd" * 32, "new", None),
    ),
    signed=(Signed("targets", 1, ("depot-lead 3f2a9c1b",)),),
    metadata_version=8,
    trusted_version=7,
    metadata_age=2 * 86400.0,
    expires="2027-11-21T00:00:00Z",
    expired=False,
    size=13_100_000,
    disk_free=196 << 30,
)
REPORT = ImportReport(
    medium="/media/usb0",
    found=3,
    applied=(
        Applied(
            "model", "line-inspection", "1.5.0", "openvino CPU bf16 x8 gives all 12 golden samples", True
        ),
    ),
    rejected=(
        Rejected(
            "model", "weed-detector", "3.0.0", "parity.outside-tolerance", "No engine gave the golden samples"
        ),
    ),
    present=("maintenance-writer 0.9.2",),
    copied=13_100_000,
    seconds=14.2,
    metadata_version=8,
)


def as_json(value: object) -> Any:
    return msgspec.to_builtins(value)
