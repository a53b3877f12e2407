"""Compiled models lie by model, engine, device and driver; what fits no longer goes, and nobody needs what is left."""

from dataclasses import replace
from pathlib import Path

import pytest

from runtimes.hardware.profile import Accelerator, HardwareProfile, Library
from runtimes.packs import RuntimePack
from runtimes.packs.compiled import (
    CompiledKey,
    clear,
    compiled_key,
    compiled_models,
    driver_of,
    sweep,
)
from runtimes.packs.occupied import occupied

MODEL = "ab" * 32
PACK = RuntimePack("onnxruntime-cuda", "onnxruntime", "1.31.1", Path("/x/bin/python"), Path("/x"))
CARD = Accelerator("0000:01:00.0", "nvidia", "gpu", "NVIDIA L4", "nvidia", "580.65.06")
KEY = CompiledKey("openvino", "2026.4", "CPU", "none", MODEL)


def filled(root: Path, key: CompiledKey, size: int = 10_000) -> Path:
    folder = key.folder(root)
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "model.blob").write_bytes(b"x" * size)
    return folder


@pytest.fixture
def machine(hardware: HardwareProfile) -> HardwareProfile:
    return replace(hardware, accelerators=(CARD,), system="Debian 12, Linux 6.1.0-21")


def test_the_key_changes_with_model_engine_device_and_driver(machine: HardwareProfile) -> None:
    keys = {
        compiled_key(MODEL, PACK, "cuda:0", machine),
        compiled_key("cd" * 32, PACK, "cuda:0", machine),
        compiled_key(MODEL, replace(PACK, version="1.32.0"), "cuda:0", machine),
        compiled_key(MODEL, replace(PACK, name="onnxruntime-other"), "cuda:0", machine),
        compiled_key(MODEL, PACK, "cuda:1", machine),
        compiled_key(
            MODEL, PACK, "cuda:0", replace(machine, accelerators=(replace(CARD, driver_version="590.1"),))
        ),
        compiled_key(MODEL, PACK, "cuda:0", replace(machine, system="Debian 12, Linux 6.1.0-22")),
        compiled_key(
            MODEL, PACK, "cuda:0", replace(machine, libraries=(Library("libcudnn.so.9", "/l", "9.1"),))
        ),
    }
    assert len(keys) == 8
    assert len({key.folder(Path("/cache")) for key in keys}) == 8


def test_what_moves_by_itself_changes_no_key(machine: HardwareProfile) -> None:
    warmer = replace(machine, accelerators=(replace(CARD, temperature_c=80.0, memory_used=1),))
    assert compiled_key(MODEL, PACK, "cuda:0", warmer) == compiled_key(MODEL, PACK, "cuda:0", machine)


def test_the_processor_needs_no_driver(machine: HardwareProfile) -> None:
    assert driver_of("CPU", None) == driver_of("CPU", machine) == "none"
    with pytest.raises(ValueError, match="not known"):
        driver_of("cuda:0", None)


@pytest.mark.parametrize("device", ["cuda:0", "GPU.1", "../..", "..", ".", "a/b", "%2E", "Ü 1"])
def test_any_device_s_name_makes_one_folder_below_the_root_and_reads_back(
    device: str, tmp_path: Path
) -> None:
    key = replace(KEY, device=device)
    folder = filled(tmp_path, key)
    assert folder.resolve().relative_to(tmp_path).parts == folder.relative_to(tmp_path).parts
    (found,) = compiled_models(tmp_path)
    assert (found.key, found.folder, found.size) == (key, folder, occupied(folder))
    assert found.size >= 10_000


def test_sweeping_removes_what_is_unwanted_and_what_has_no_key(tmp_path: Path) -> None:
    kept = filled(tmp_path, KEY)
    filled(tmp_path, replace(KEY, version="2025.1"))
    filled(tmp_path, replace(KEY, model="cd" * 32))
    (tmp_path / "stray.blob").write_bytes(b"x" * 10_000)
    (tmp_path / "openvino-2024" / MODEL).mkdir(parents=True)
    (tmp_path / "link").symlink_to(kept)
    before = occupied(tmp_path)

    freed = sweep(tmp_path, lambda key: key == KEY)

    assert freed == before - occupied(tmp_path)
    assert freed >= 30_000
    assert [found.key for found in compiled_models(tmp_path)] == [KEY]
    assert [path.name for path in tmp_path.iterdir()] == ["openvino"]
    assert (kept / "deeper" / "model.blob").stat().st_size == 10_000


def test_sweeping_what_is_not_there_frees_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "absent", lambda _: True) == 0
    assert clear(tmp_path / "absent") == 0
    assert compiled_models(tmp_path / "absent") == ()


def test_clearing_leaves_the_folders_that_workers_write_in(tmp_path: Path) -> None:
    folder = filled(tmp_path, KEY)
    inode = folder.stat().st_ino
    (tmp_path / "stray.blob").write_bytes(b"x" * 10_000)

    assert clear(tmp_path) >= 20_000

    assert folder.stat().st_ino == inode
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "stray.blob").exists()


def test_room_that_two_names_share_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    once = occupied(tmp_path)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert once <= occupied(tmp_path) < once + 50_000
    assert occupied(tmp_path / "absent") == 0
