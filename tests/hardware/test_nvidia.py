"""Numbers and floors of NVIDIA's cards beyond what the fake machines show."""

from typing import Any

from runtimes.hardware.detect import detect


def numbers(profile: Any) -> list[int | None]:
    return [part.visible_index for part in profile.accelerators[0].partitions]


def test_a_process_gets_the_first_mig_device_only(fake: Any) -> None:
    machine = fake("nvidia-h100-mig")
    assert numbers(detect(machine.root, environ={})) == [0, None]
    both = "MIG-8f1b22c9,MIG-3c9d7d60"
    assert numbers(detect(machine.root, environ={"CUDA_VISIBLE_DEVICES": both})) == [None, 0]
    assert numbers(detect(machine.root, environ={"CUDA_VISIBLE_DEVICES": ""})) == [None, None]


def test_hidden_cards_stay_in_the_profile_without_a_number(fake: Any) -> None:
    profile = detect(fake("nvidia-two-a100-server").root, environ={"CUDA_VISIBLE_DEVICES": "GPU-b6c0"})
    assert [card.visible_index for card in profile.accelerators] == [None, 0]
    assert all(card.usable for card in profile.accelerators)


def without_libraries(fake: Any) -> Any:
    machine = fake("nvidia-rtx-4090-desktop")
    for name in ("libcuda", "libnvidia-ml"):
        del machine.recording.links[f"/usr/lib/x86_64-linux-gnu/{name}.so.1"]
    return machine


def test_libraries_are_found_where_ld_so_conf_points(fake: Any) -> None:
    assert detect(without_libraries(fake).root).accelerators[0].usable is False
    machine = without_libraries(fake)
    machine.recording.files["/etc/ld.so.conf.d/nvidia.conf"] = b"# from the driver\n/opt/nvidia/lib64\n"
    machine.recording.devices["/opt/nvidia/lib64/libcuda.so.1"] = "ok"
    profile = detect(machine.root)
    assert profile.accelerators[0].usable is True
    assert profile.sources["libraries.libcuda.so.1"] == "/opt/nvidia/lib64/libcuda.so.1"


def test_libraries_are_found_where_ld_library_path_points(fake: Any) -> None:
    machine = without_libraries(fake)
    machine.recording.devices["/opt/mine/libcuda.so.1"] = "ok"
    profile = detect(machine.root, environ={"LD_LIBRARY_PATH": "relative::/opt/mine/"})
    assert [library.path for library in profile.libraries] == ["/opt/mine/libcuda.so.1"]


def test_the_fingerprint_changes_with_driver_and_visibility_and_not_with_the_temperature(fake: Any) -> None:
    def fingerprint(**changes: Any) -> str:
        machine = fake("nvidia-rtx-4090-desktop")
        machine.recording.answers["nvidia"]["devices"][0] |= changes.pop("nvml", {})
        for path, content in changes.pop("files", {}).items():
            machine.recording.files[path] = content
        return detect(machine.root, **changes).fingerprint

    same = fingerprint()
    assert (
        fingerprint(nvml={"temperature_c": 88, "power_w": 400.0, "memory": {"total": 1, "used": 1}}) == same
    )
    assert fingerprint(files={"/proc/meminfo": b"MemTotal: 65610844 kB\nMemAvailable: 10 kB"}) == same
    assert fingerprint(files={"/proc/driver/nvidia/version": b"NVRM version: x  575.51.02  y"}) != same
    assert fingerprint(environ={"CUDA_VISIBLE_DEVICES": ""}) != same
    assert (
        fingerprint(files={"/sys/fs/cgroup/system.slice/appliance.service/cpu.max": b"200000 100000"}) != same
    )


def test_a_card_that_the_driver_does_not_list_is_not_usable(fake: Any) -> None:
    machine = fake("nvidia-two-a100-server")
    machine.recording.answers["nvidia"]["devices"].pop()
    first, second = detect(machine.root, environ={}).accelerators
    assert first.usable
    assert [finding.code for finding in second.findings] == ["nvidia.not-listed"]
    assert second.usable is False


def test_a_card_that_nvml_cannot_open_is_told_with_nvmls_words(fake: Any) -> None:
    machine = fake("nvidia-rtx-4090-desktop")
    device = {"index": 0, "pci": "00000000:01:00.0", "error": "GPU is lost"}
    machine.recording.answers["nvidia"]["devices"] = [device]
    card = detect(machine.root).accelerators[0]
    assert card.usable is False
    assert card.findings[0].code == "nvidia.device-odd"
    assert "GPU is lost" in card.findings[0].text


def unified(fake: Any, **answer: Any) -> int | None:
    machine = fake("nvidia-dgx-spark-gb10")
    machine.recording.answers["nvidia"]["devices"][0] |= answer
    shared: int | None = detect(machine.root).accelerators[0].memory_shared_total
    return shared


def test_memory_is_the_machines_only_where_nvml_calls_it_not_supported_and_the_gpu_is_integrated(
    fake: Any,
) -> None:
    assert unified(fake) == detect(fake("nvidia-dgx-spark-gb10").root).memory.total
    assert unified(fake, memory=None) is None
    assert unified(fake, integrated=False) is None
    assert unified(fake, memory={"total": 5, "used": 1}) is None


def test_gb10_is_known_by_its_chip_where_its_gpu_has_another_number(fake: Any) -> None:
    machine = fake("nvidia-dgx-spark-gb10")
    machine.recording.files["/sys/bus/pci/devices/000f:01:00.0/device"] = b"0x3fff"
    machine.recording.answers["nvidia"]["devices"][0].pop("integrated", None)
    assert detect(machine.root).accelerators[0].integrated is True
    del machine.recording.files["/sys/devices/soc0/soc_id"]
    assert detect(machine.root).accelerators[0].integrated is False


def test_a_jetsons_gpu_that_sleeps_has_no_temperature_and_not_zero(fake: Any) -> None:
    machine = fake("jetson-agx-orin")
    del machine.recording.files["/sys/class/thermal/thermal_zone1/temp"]
    del machine.recording.files["/sys/class/hwmon/hwmon3/curr1_input"]
    gpu = detect(machine.root).accelerators[0]
    assert (gpu.temperature_c, gpu.power_w) == (None, None)
