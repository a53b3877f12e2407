"""What a preview says, from signed metadata alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.updates.conftest import NOW, Box, write
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.digest import Digest
from updates.errors import MediumError, TrustError
from updates.inspect import Installed, Standing
from updates.layout import UPDATE_FOLDER
from updates.names import Identity, Kind
from updates.trust.clock import EffectiveTime, TimeSource


def test_a_preview_tells_what_is_on_the_medium_and_who_signed(medium: Path, box: Box) -> None:
    preview = box.inspect(medium)
    line, story = preview.offers
    assert line.artifact.identity == Identity(Kind.MODEL, "line-inspection", "1.0.0")
    assert line.artifact.summary == "Finds scratches"
    assert line.artifact.facts["latency-objective-ms"] == "12.5"
    assert (line.standing, line.newest_here) == (Standing.NEW, None)
    assert story.artifact.facts["format"] == "gguf"
    targets = next(report for report in preview.roles if report.role == "targets")
    assert {signer.name for signer in targets.signers} == {"targets-1", "targets-2"}
    assert targets.threshold == 2
    assert preview.age == timedelta(0)
    assert preview.total_bytes == sum(
        path.stat().st_size for path in (medium / UPDATE_FOLDER / "blobs/sha256").iterdir()
    )


def test_a_preview_reads_no_payload(medium: Path, box: Box) -> None:
    for path in (medium / UPDATE_FOLDER / "blobs/sha256").iterdir():
        path.unlink()
    assert len(box.inspect(medium).offers) == 2


def test_a_preview_tells_the_age_of_the_metadata(medium: Path, box: Box) -> None:
    later = EffectiveTime(NOW + timedelta(days=40), TimeSource.CLOCK)
    assert box.inspect(medium, later).age == timedelta(days=40)


@pytest.mark.parametrize(
    ("here", "standing"),
    [
        ([], Standing.NEW),
        (["0.9.9"], Standing.NEWER),
        (["1.0.0-rc.2"], Standing.NEWER),
        (["1.0.0"], Standing.PRESENT),
        (["0.9.0", "1.0.0", "2.0.0"], Standing.PRESENT),
        (["0.9.0", "1.0.1"], Standing.OLDER),
        (["1.10.0"], Standing.OLDER),
    ],
)
def test_an_artifact_is_compared_with_what_is_here(
    medium: Path, box: Box, here: list[str], standing: Standing
) -> None:
    digest = box.inspect(medium).offers[0].artifact.digest
    box.installed = [Installed(Identity(Kind.MODEL, "line-inspection", version), digest) for version in here]
    box.installed.append(Installed(Identity(Kind.RUNTIME, "line-inspection", "9.0.0"), digest))
    preview = box.inspect(medium)
    assert preview.offers[0].standing is standing
    assert (preview.offers[0] in preview.changes) == (standing in (Standing.NEW, Standing.NEWER))


def test_an_artifact_that_is_here_with_other_content_is_refused(medium: Path, box: Box) -> None:
    identity = Identity(Kind.MODEL, "line-inspection", "1.0.0")
    box.installed = [Installed(identity, Digest.of(b"other"))]
    with pytest.raises(TrustError) as caught:
        box.inspect(medium)
    assert (caught.value.code, caught.value.file) == (
        "trust.same-version-other-bytes",
        "metadata/1.targets.json",
    )


def test_an_older_stick_is_refused_and_the_newer_one_still_works(
    depot: Depot, medium: Path, box: Box, tmp_path: Path
) -> None:
    add_model(depot, ModelArtifact("extra", "1.0.0", write(tmp_path / "in/extra.onnx", b"\x08extra")))
    second, third = tmp_path / "second", tmp_path / "third"
    second.mkdir()
    third.mkdir()
    publish(depot, second, now=NOW)
    publish(depot, third, now=NOW, renew=True)
    box.bring_in(second)
    with pytest.raises(TrustError) as caught:
        box.bring_in(medium)
    assert (caught.value.code, caught.value.file) == ("trust.rollback", "metadata/timestamp.json")
    assert box.bring_in(third) == []


def test_an_expired_medium_says_by_which_clock(medium: Path, box: Box) -> None:
    with pytest.raises(TrustError) as caught:
        box.inspect(medium, EffectiveTime(datetime(2038, 1, 19, tzinfo=UTC), TimeSource.CLOCK))
    assert caught.value.code == "trust.expired"
    assert "2038-01-19 by the box's clock" in caught.value.what


def test_a_hint_that_says_something_else_than_the_signed_metadata_is_refused(medium: Path, box: Box) -> None:
    index = medium / UPDATE_FOLDER / "index.json"
    index.write_bytes(index.read_bytes().replace(b"line-inspection", b"lime-inspection"))
    with pytest.raises(MediumError) as caught:
        box.inspect(medium)
    assert (caught.value.code, caught.value.file) == ("medium.digest-mismatch", "index.json")
