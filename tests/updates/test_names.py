"""Names that look like one another, climb, or mean something else elsewhere do not pass."""

import itertools

import pytest

from updates.names import Identity, Kind, check_file_path, check_name, check_version, version_order


@pytest.mark.parametrize("name", ["a", "line-inspection", "yolo_v8", "a.b", "9", "a" * 63])
def test_plain_names_pass(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "line inspection",
        "..",
        ".",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "a/b",
        "a\\b",
        "a\0",
        "a\n",
        "naïve",
        "nai\u0308ve",
        "\uff4dodel",
        "\u0441",
        "con",
        "nul",
        "com1",
        "lpt9.x",
        "a:b",
        "a" * 64,
    ],
)
def test_path_tricks_in_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        check_name(name)


@pytest.mark.parametrize(
    "version", ["1", "1.0", "1.2.3", "1.2.3.4", "2026.11.05", "1.0.0-rc.1", "1.0.0-alpha-2"]
)
def test_plain_versions_pass(version: str) -> None:
    assert check_version(version) == version


@pytest.mark.parametrize(
    "version", ["", "v1", "1.", "1..2", "1.2.3.4.5", "1.0-", "1.0-RC", "1/2", "1.0\n", "\u0661"]
)
def test_odd_versions_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        check_version(version)


def test_versions_sort_as_semantic_versioning_says() -> None:
    ordered = [
        "0.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.0.1",
        "1.2",
        "1.10",
        "2026.11.5",
    ]
    assert sorted(ordered[::2] + ordered[1::2], key=version_order) == ordered
    assert version_order("1") == version_order("1.0.0")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_target_path_tells_kind_name_and_version(kind: Kind) -> None:
    identity = Identity(kind, "line-inspection", "1.0.0")
    assert Identity.from_target_path(identity.target_path) == identity


def test_kinds_do_not_share_paths() -> None:
    paths = [Identity(kind, "a", "1").target_path for kind in Kind]
    assert len(set(paths)) == len(Kind)


@pytest.mark.parametrize(
    "path",
    [
        "models/a/1/../../x/1/manifest.json",
        "/models/a/1/manifest.json",
        "models//1/manifest.json",
        "models/a/1/manifest.json/",
        "MODELS/a/1/manifest.json",
        "models/A/1/manifest.json",
        "models/a/1/Manifest.json",
        "models\\a\\1\\manifest.json",
        "model/a/1/manifest.json",
        "models/a/latest/manifest.json",
        "models/a/1/manifest.json\0",
    ],
)
def test_path_tricks_in_targets_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"names no artifact|cannot name|no version"):
        Identity.from_target_path(path)


@pytest.mark.parametrize("path", ["model.onnx", "golden/golden.json", "golden/a b+1/0.npy", "LICENSE"])
def test_plain_files_inside_an_artifact_pass(path: str) -> None:
    assert check_file_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        ".hidden",
        "a\\b",
        "C:x",
        "a\0b",
        "a/CON",
        "aux.txt",
        "x.",
        "x ",
        "ä",
        "a\nb",
        "/".join("abcdefghi"),
        "a" * 300,
    ],
)
def test_path_tricks_inside_an_artifact_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        check_file_path(path)


def test_no_two_names_that_pass_fold_to_one() -> None:
    letters = "ab-._09AB"
    passed = []
    for combination in itertools.product(letters, repeat=3):
        try:
            passed.append(check_name("".join(combination)))
        except ValueError:
            continue
    assert len({name.casefold() for name in passed}) == len(passed) > 50
