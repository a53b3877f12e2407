"""A control group for each worker below what the service manager delegated, and an honest word where there is none."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from runtimes.hardware import cgroup
from runtimes.hardware.sysroot import Sysroot
from runtimes.worker import control_group
from runtimes.worker.control_group import ControlGroup, Limits, Subtree, UnavailableError, delegated, enclose
from runtimes.worker.handle import Worker
from tests.runtimes import onnx_files

GROUP_FILES = (
    *("cgroup.procs", "cgroup.kill", "cpu.max", "memory.max"),
    *("memory.oom.group", "pids.max"),
)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine whose daemon runs in `/system.slice/appliance.service`, as systemd lays it out."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/system.slice/appliance.service\n")
    (tmp_path / "proc" / "self" / "mountinfo").write_text(
        "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    )
    service(tmp_path).mkdir(parents=True)
    (service(tmp_path) / "cgroup.controllers").write_text("cpu io memory pids\n")
    (service(tmp_path) / "cgroup.subtree_control").write_text("")
    (service(tmp_path) / "cgroup.procs").write_text("4711\n4712\n")
    (service(tmp_path) / "daemon").mkdir()
    (service(tmp_path) / "daemon" / "cgroup.procs").write_text("")
    return tmp_path


def service(machine: Path) -> Path:
    return machine / "sys/fs/cgroup/system.slice/appliance.service"


def delegate(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.delegate", b"1")
    except OSError as error:
        pytest.skip(f"{folder} keeps no attributes: {error}")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """New groups have their files at once, as the kernel makes them."""
    make = Path.mkdir

    def mkdir(folder: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        make(folder, mode, parents, exist_ok)
        if folder.name.startswith("worker-"):
            for name in GROUP_FILES:
                (folder / name).touch()

    monkeypatch.setattr(Path, "mkdir", mkdir)


def test_a_delegated_subtree_is_prepared_with_the_daemon_in_a_group_of_its_own(machine: Path) -> None:
    delegate(service(machine))
    (service(machine) / "worker-99-0").mkdir()

    subtree = delegated(machine)

    assert subtree == Subtree(service(machine), ("cpu", "memory", "pids"))
    assert (service(machine) / "daemon" / "cgroup.procs").read_text() == "4712"  # the last one written
    assert (service(machine) / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert not (service(machine) / "worker-99-0").exists()


def test_a_daemon_that_is_in_its_own_group_already_finds_the_subtree_above_it(machine: Path) -> None:
    delegate(service(machine))
    (machine / "proc" / "self" / "cgroup").write_text("0::/system.slice/appliance.service/daemon\n")
    assert delegated(machine).folder == service(machine)


def test_a_group_that_nobody_handed_over_is_not_touched(machine: Path) -> None:
    before = sorted(service(machine).iterdir())
    with pytest.raises(UnavailableError, match="Delegate=yes"):
        delegated(machine)
    assert sorted(service(machine).iterdir()) == before
    assert (service(machine) / "cgroup.subtree_control").read_text() == ""


def test_a_system_without_version_2_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="version 2"):
        delegated(tmp_path)


@pytest.mark.usefixtures("kernel")
def test_a_worker_gets_a_processor_for_each_thread_and_one_to_spare(machine: Path) -> None:
    group = ControlGroup(Subtree(service(machine), ("cpu", "memory", "pids")), Limits(3, 5 << 30))
    (folder,) = service(machine).glob("worker-*")

    group.add(4713)

    settings = {name: (folder / name).read_text() for name in GROUP_FILES}
    assert settings == {
        "cgroup.procs": "4713",
        "cgroup.kill": "",
        "cpu.max": "400000 100000",
        "memory.max": str(5 << 30),
        "memory.oom.group": "1",
        "pids.max": str(control_group.MOST_THREADS),
    }
    assert group.walls == {"CPU limit": "in force", "thread limit": "in force"}


@pytest.mark.usefixtures("kernel")
def test_a_controller_that_was_not_delegated_is_told(machine: Path) -> None:
    group = ControlGroup(Subtree(service(machine), ("pids",)), Limits(1))
    assert group.walls["CPU limit"] == "not in force: the controller cpu is not delegated to the daemon"
    assert group.walls["thread limit"] == "in force"


def test_a_kernel_that_refuses_is_told_and_leaves_no_group(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group has no `pids.max` here: as where a file system in its place is read-only."""
    monkeypatch.setattr(control_group, "delegated", lambda: Subtree(service(machine), ("pids",)))
    group, walls = enclose(os.getpid(), Limits(1))
    assert group is None
    assert walls["CPU limit"].startswith("not in force: No such file")
    assert not list(service(machine).glob("worker-*"))


async def test_a_worker_of_a_daemon_without_a_subtree_says_so(
    start: Callable[..., Awaitable[Worker]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable() -> Subtree:
        raise UnavailableError("no control group is delegated")

    monkeypatch.setattr(control_group, "delegated", unavailable)
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))
    assert worker.confinement["CPU limit"] == "not in force: no control group is delegated"


@pytest.fixture
def subtree() -> Iterator[Path]:
    """A real group, marked as systemd marks one, on whatever this machine has of version 2."""
    own = next((g for g in cgroup.levels(Sysroot.at("/"), "cpu") if g.version == 2), None)
    if own is None:
        pytest.skip("this machine has no control groups of version 2")
    folder = Path(own.path) / f"appliance-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    delegate(folder)
    yield folder
    for group in (folder / "daemon", folder):
        if group.exists():
            group.rmdir()


def test_a_real_worker_lives_in_its_group_which_goes_with_it(subtree: Path, tmp_path: Path) -> None:
    """A daemon in the group starts a worker, which is killed; limits where this machine's version 2 has them."""
    model = onnx_files.linear(tmp_path / "m.onnx")
    daemon = textwrap.dedent(f"""
        import asyncio, json, os, sys
        from pathlib import Path
        from runtimes.engine import Candidate, ModelFile, ModelFormat
        from runtimes.worker.handle import Worker
        from runtimes.worker.spec import WorkerSpec

        subtree = Path({str(subtree)!r})
        (subtree / "cgroup.procs").write_text(str(os.getpid()))

        def groups(pid):
            return Path(f"/proc/{{pid}}/cgroup").read_text().split("0::")[1].strip()

        async def main():
            model = ModelFile(Path({str(model)!r}), ModelFormat.ONNX, "0" * 64, 1)
            spec = WorkerSpec(model, Candidate("onnxruntime", "CPU", "f32", 1), Path(sys.executable))
            worker = await Worker.start(spec)
            limits = {{}}
            for name in ("cpu.max", "pids.max"):
                for file in subtree.glob(f"worker-*/{{name}}"):
                    limits[name] = file.read_text().strip()
            told = [groups(os.getpid()), groups(worker.pid), dict(worker.confinement), limits]
            os.kill(worker.pid, 9)
            await worker.closed.wait()
            while list(subtree.glob("worker-*")):
                await asyncio.sleep(0.01)
            print(json.dumps([*told, (subtree / "cgroup.controllers").read_text().split()]))

        asyncio.run(main())
    """)
    ended = subprocess.run([sys.executable, "-c", daemon], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    of_daemon, of_worker, walls, limits, controllers = json.loads(ended.stdout)
    assert of_daemon.endswith(f"{subtree.name}/daemon")
    assert f"{subtree.name}/worker-" in of_worker
    for wall, controller in {"CPU limit": "cpu", "thread limit": "pids"}.items():
        lacking = f"not in force: the controller {controller} is not delegated to the daemon"
        assert walls[wall] == ("in force" if controller in controllers else lacking)
    expected = {"cpu": ("cpu.max", "200000 100000"), "pids": ("pids.max", str(control_group.MOST_THREADS))}
    assert limits == dict(expected[controller] for controller in expected if controller in controllers)
