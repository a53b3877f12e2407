"""A worker with a user of its own: it serves, and what is the daemon's alone is closed to it."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from runtimes.worker.child import USER_ENVIRONMENT
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec
from tests.runtimes import onnx_files
from tests.runtimes.worker.confined import inside

MakeSpec = Callable[..., WorkerSpec]
USER = "nobody"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process as another user")

needs_setpriv = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root, with setpriv, may start a process with some capabilities",
)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder as a box has it, in a place that others may reach; `keys` and the database are its owner's."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        root = Path(folder)
        root.chmod(0o710)
        (root / "blobs").mkdir(mode=0o755)
        (root / "keys").mkdir(mode=0o700)
        (root / "keys" / "device.pem").write_text("secret")
        (root / "appliance.sqlite3").touch(mode=0o600)
        yield root


@pytest.fixture
def system_python() -> Path:
    """An interpreter that every user may read."""
    path = Path("/usr/bin") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    engines = Path(sysconfig.get_path("purelib"))
    if not path.exists() or not all(place.stat().st_mode & 0o005 == 0o005 for place in engines.parents):
        pytest.skip(f"{USER} needs {path} and must be able to read {engines}")
    return path


@pytest.fixture
def interpreter(state: Path, system_python: Path) -> Path:
    """One that every user may read, with the engines of this one."""
    pack = state / "pack"
    subprocess.run([system_python, "-m", "venv", "--without-pip", "--symlinks", pack], check=True)
    (place,) = pack.glob("lib/python*/site-packages")
    (place / "engines.pth").write_text(sysconfig.get_path("purelib"))
    return pack / "bin" / "python"


def identities_of(pid: int) -> set[str]:
    (line,) = (
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Uid:")
    )
    return set(line.split()[1:])


@needs_root
async def test_it_serves_and_compiles_and_the_daemon_ends_it(
    state: Path, interpreter: Path, spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(USER_ENVIRONMENT, USER)
    model = onnx_files.linear(state / "blobs" / "m.onnx")
    made = replace(spec(model, "openvino"), interpreter=interpreter, cache=state / "cache")

    worker = await Worker.start(made)
    try:
        assert "y" in await worker.infer({"x": np.ones((1, 4), np.float32)})
        assert worker.confinement["own user"] == f"in force: {USER}"
        assert identities_of(worker.pid) == {str(pwd.getpwnam(USER).pw_uid)}
        assert worker.resident_memory()
        assert any((state / "cache").rglob("*.blob"))
    finally:
        worker._child.kill()
        await worker.closed.wait()


@needs_root
def test_what_is_the_daemons_alone_is_closed_to_it(state: Path, system_python: Path) -> None:
    (state / "blobs" / "model").write_text("weights")
    reading = [state / name for name in ("blobs/model", "keys/device.pem", "appliance.sqlite3")]
    wall, read = inside(
        f"""
        read = [attempt(lambda: open(path).read()) for path in {[str(path) for path in reading]!r}]
        print(json.dumps([walls["own user"], [*read, attempt(os.listdir, {str(state)!r})]]))
        """,
        user=USER,
        interpreter=str(system_python),
    )
    assert wall == f"in force: {USER}"
    assert read == ["weights", "EACCES", "EACCES", "EACCES"]


@needs_root
def test_it_still_dies_with_the_daemon_and_has_no_network(system_python: Path) -> None:
    walls, signal_of_death = inside(
        """
        import ctypes
        told = ctypes.c_int()
        ctypes.CDLL(None).prctl(2, ctypes.byref(told))
        print(json.dumps([walls, told.value]))
        """,
        user=USER,
        interpreter=str(system_python),
    )
    assert walls["no network"].startswith("in force: network namespace")
    assert signal_of_death == 9


def test_an_unknown_user_is_told_and_the_worker_stays_the_daemons() -> None:
    answer = inside("print(json.dumps([walls['own user'], os.geteuid()]))", user="no-such-user")
    assert answer == ["not in force: there is no user no-such-user", os.geteuid()]


def as_a_daemon_with(*capabilities: str) -> list[str]:
    """The command as systemd would start it: no root, and `AmbientCapabilities=`."""
    given = ",".join(("-all", *(f"+{name}" for name in capabilities)))
    daemon = ["--reuid=daemon", "--regid=daemon", "--clear-groups"]
    return ["setpriv", *daemon, f"--inh-caps={given}", f"--ambient-caps={given}"]


@needs_setpriv
def test_a_daemon_that_is_not_root_needs_three_capabilities_for_it(state: Path, system_python: Path) -> None:
    cache = state / "cache"
    cache.mkdir()
    for folder in (state, cache):
        shutil.chown(folder, "daemon", "daemon")
    cache.chmod(0o770)
    walls, capabilities, written = inside(
        f"""
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        written = attempt(lambda: open({str(cache / "compiled")!r}, "w").write("new"))
        print(json.dumps([walls, int(status["CapPrm"], 16) | int(status["CapAmb"], 16), written]))
        """,
        writable=str(cache),
        user=USER,
        interpreter=str(system_python),
        through=as_a_daemon_with("setuid", "setgid", "kill"),
    )
    assert walls["own user"] == f"in force: {USER}"
    assert (capabilities, written) == (0, 3)
    compiled = cache / "compiled"
    assert (compiled.owner(), compiled.group()) == (USER, "daemon")
    assert compiled.stat().st_mode & 0o777 == 0o660


@needs_setpriv
def test_a_daemon_that_could_not_end_it_keeps_its_own_user(system_python: Path) -> None:
    wall, user = inside(
        """
        print(json.dumps([walls["own user"], os.geteuid()]))
        """,
        user=USER,
        interpreter=str(system_python),
        through=as_a_daemon_with("setuid", "setgid"),
    )
    assert wall == f"not in force: without CAP_KILL the daemon could not end a worker of {USER}"
    assert user == pwd.getpwnam("daemon").pw_uid


@needs_root
def test_an_interpreter_that_the_user_cannot_read_is_told() -> None:
    wall, user = inside(
        """
        print(json.dumps([walls["own user"], os.geteuid()]))
        """,
        user=USER,
        before="import os; os.__file__ = '/proc/1/mem'",
    )
    assert wall.startswith(f"not in force: {USER} cannot read ")
    assert user == 0
