"""What a worker may not do, tried from inside a worker; and what the box says about it."""

import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from runtimes.errors import EngineError
from runtimes.worker.drivercaches import driver_caches
from runtimes.worker.handle import Worker
from tests.runtimes import onnx_files
from tests.runtimes.worker.confined import inside

Start = Callable[..., Awaitable[Worker]]


def network_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/ns/net").readlink()


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def files_of(pid: int) -> list[Path]:
    return [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]


def test_a_worker_reaches_no_listening_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        answer = inside(f"""
            import socket
            try:
                socket.create_connection(("127.0.0.1", {port}), 5)
            except OSError as error:
                print(json.dumps([walls["no network"], type(error).__name__]))
            else:
                print(json.dumps([walls["no network"], "connected"]))
        """)
    wall, outcome = answer
    if not wall.startswith("in force"):
        pytest.skip(f"this system lets nobody take the network away: {wall}")
    assert outcome != "connected"


def test_the_walls_that_are_told_of_really_stand() -> None:
    walls, dumps, status, niceness = inside("""
        import resource
        lines = open("/proc/self/status").read().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        print(json.dumps([walls, resource.getrlimit(resource.RLIMIT_CORE), status, os.nice(0)]))
    """)

    assert walls["no core dumps"] == "in force"
    assert dumps == [0, 0]
    assert walls["no new privileges"] == "in force"
    assert status["NoNewPrivs"].strip() == "1"
    assert walls["no capabilities"] == "in force"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert walls["stands back"] == "in force"
    assert niceness == min(19, os.nice(0) + 2)
    assert walls["memory limit"] == "not asked for"
    assert walls["own user"] == "not in force: it runs as the daemon's user"


def test_memory_beyond_the_limit_is_refused() -> None:
    wall, outcome = inside(
        """
        try:
            bytearray(512 << 20)
        except MemoryError:
            print(json.dumps([walls["memory limit"], "refused"]))
        else:
            print(json.dumps([walls["memory limit"], "given"]))
        """,
        memory_limit=256 << 20,
    )
    assert (wall, outcome) == ("in force", "refused")


def test_files_are_read_everywhere_and_written_in_one_folder_only(tmp_path: Path) -> None:
    precious, cache = tmp_path / "precious", tmp_path / "cache"
    precious.write_text("kept")
    cache.mkdir()
    program = f"""
        attempts = {{
            "read": lambda: open({str(precious)!r}).read(),
            "compile": lambda: open({str(cache / "compiled")!r}, "w").write("new"),
            "null": lambda: open(os.devnull, "w").write("gone"),
            "write": lambda: open({str(precious)!r}, "a").write("spoilt"),
            "make": lambda: open({str(tmp_path / "made")!r}, "w"),
            "folder": lambda: os.mkdir({str(tmp_path / "folder")!r}),
            "remove": lambda: os.remove({str(precious)!r}),
            "move": lambda: os.rename({str(precious)!r}, {str(tmp_path / "moved")!r}),
            "link": lambda: os.symlink("/etc/passwd", {str(tmp_path / "link")!r}),
        }}
        done = []
        for name, attempt in attempts.items():
            try:
                attempt()
            except OSError:
                continue
            done.append(name)
        print(json.dumps([walls["read-only files"], done]))
    """
    wall, done = inside(program, writable=str(cache))
    if not wall.startswith("in force"):
        pytest.skip(f"read-only files: {wall}")
    assert done == ["read", "compile", "null"]
    assert precious.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "precious"]


async def test_a_worker_compiles_into_its_cache_which_is_made_for_it(start: Start, tmp_path: Path) -> None:
    cache = tmp_path / "state" / "cache"
    await start(onnx_files.linear(tmp_path / "m.onnx"), "openvino", cache=cache)
    assert any(cache.rglob("*.blob"))


async def test_a_cache_that_cannot_be_made_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(EngineError) as caught:
        await start(onnx_files.linear(tmp_path / "m.onnx"), cache=tmp_path / "state" / "cache")
    assert caught.value.code == "worker.no-cache"
    assert str(tmp_path / "state" / "cache") in caught.value.what


def test_a_wall_that_cannot_be_put_up_is_told_with_its_reason() -> None:
    """A limit may be lowered, but not be raised again without privileges."""
    walls = inside(
        "print(json.dumps(sandbox.confine(int(sys.argv[1]), 512 << 20)))",
        memory_limit=256 << 20,
    )
    assert walls["memory limit"].startswith("not in force: ")


def test_a_worker_whose_daemon_is_gone_does_not_start() -> None:
    program = "from runtimes.worker import sandbox; sandbox.confine(1 << 21, None)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert b"gone" in ended.stderr


async def test_a_worker_tells_its_walls(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    assert {"no network", "no core dumps", "memory limit", "dies with the daemon"} <= set(worker.confinement)
    if "network namespace and" in worker.confinement["no network"]:
        assert network_of(worker.pid) != network_of(os.getpid())


async def test_drivers_keep_what_they_compile_in_the_workers_folder(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("CUDA_CACHE_PATH", "elsewhere")
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"), cache=cache)
    told = dict(line.split("=", 1) for line in environment_of(worker.pid).decode().split("\0") if line)
    assert {told[name] for name in driver_caches(cache)} == {str(cache), "1"}
    assert {"CUDA_CACHE_PATH", "MESA_SHADER_CACHE_DIR", "NEO_CACHE_DIR"} <= set(told)


async def test_a_worker_knows_nothing_of_the_daemons_environment(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_SECRET", "hunter2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1")

    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    environment = environment_of(worker.pid)
    assert b"hunter2" not in environment
    assert b"CUDA_VISIBLE_DEVICES=GPU-1" in environment
    assert b"HF_HUB_OFFLINE=1" in environment


async def test_a_worker_holds_none_of_the_daemons_files(start: Start, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        worker = await start(onnx_files.linear(tmp_path / "m.onnx"))
        held = files_of(worker.pid)
    assert held
    assert tmp_path / "secret" not in held
