"""What the system-call filter refuses to a worker, with which errors, and what it leaves to engines."""

import ctypes.util
import platform
import socket
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from runtimes.worker.handle import Worker
from tests.runtimes import gguf_files, onnx_files
from tests.runtimes.worker.confined import inside

Start = Callable[..., Awaitable[Worker]]

pytestmark = pytest.mark.skipif(
    ctypes.util.find_library("seccomp") is None, reason="libseccomp is not installed on this machine"
)

NO_NAMESPACES = """
    import errno
    from runtimes.worker import seccomp
    seccomp.refuse([seccomp.Rule("unshare", errno.EPERM)])
"""
"""A machine on which nobody may make a namespace."""


def status_of(worker: Worker) -> str:
    return Path(f"/proc/{worker.pid}/status").read_text()


def test_sockets_of_every_family_are_refused_as_on_a_kernel_without_it() -> None:
    inet, inet6, netlink, packet, vsock = 2, 10, 16, 17, 40
    families = [inet, inet6, netlink, packet, vsock]
    answers = inside(f"""
        import socket
        kinds = [socket.SOCK_STREAM, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.SOCK_RAW]
        print(json.dumps([attempt(socket.socket, family, kind) for family in {families!r} for kind in kinds]))
    """)
    assert set(answers) <= {"EAFNOSUPPORT", "EACCES"}
    assert answers[::3] == ["EAFNOSUPPORT"] * len(families)


def test_a_unix_socket_reaches_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        server.bind(str(tmp_path / "daemon"))
        server.listen()
        log.bind(str(tmp_path / "log"))
        answers = inside(f"""
            import socket
            print(json.dumps([
                attempt(socket.socket(socket.AF_UNIX).connect, {str(tmp_path / "daemon")!r}),
                attempt(socket.socket, socket.AF_UNIX, socket.SOCK_DGRAM),
                attempt(socket.socket, socket.AF_UNIX, socket.SOCK_RAW),
                attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM),
                attempt(lambda: len(socket.socketpair())),
            ]))
        """)
    assert answers == ["ECONNREFUSED", "EACCES", "EACCES", "EACCES", 2]


def test_other_processes_are_left_alone_and_ones_own_signals_arrive() -> None:
    answers = inside("""
        import ctypes, resource, signal
        libc = ctypes.CDLL(None, use_errno=True)

        def call(name, *arguments):
            return errno.errorcode[ctypes.get_errno()] if getattr(libc, name)(*arguments) < 0 else "done"

        parent, heard = os.getppid(), []
        signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        print(json.dumps([
            attempt(os.kill, parent, 0),
            attempt(os.kill, -1, 0),
            attempt(signal.pidfd_send_signal, os.pidfd_open(parent), 0),
            attempt(resource.prlimit, parent, resource.RLIMIT_CPU),
            call("ptrace", 16, parent, None, None),
            call("process_vm_readv", parent, None, 0, None, 0, 0),
            len(heard),
            attempt(resource.getrlimit, resource.RLIMIT_CORE),
        ]))
    """)
    assert answers == [*["EPERM"] * 6, 2, [0, 0]]


def test_io_uring_and_foreign_architectures_are_no_way_round() -> None:
    x32_socket = 0x40000000 + 41 if platform.machine() == "x86_64" else 425
    answers = inside(f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)

        def call(*arguments):
            return errno.errorcode[ctypes.get_errno()] if libc.syscall(*arguments) < 0 else "done"

        print(json.dumps([call(425, 1, ctypes.byref((ctypes.c_char * 120)())), call({x32_socket}, 2, 1, 0)]))
    """)
    assert answers == ["ENOSYS", "ENOSYS"]


def test_where_namespaces_are_refused_the_filter_alone_keeps_the_network_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        wall, answer = inside(
            f"""
            import socket
            print(json.dumps([walls["no network"], attempt(socket.create_connection, ("127.0.0.1", {port}), 5)]))
            """,
            before=NO_NAMESPACES,
        )
    assert wall == "in force: seccomp; no network namespace: Operation not permitted (EPERM)"
    assert answer == "EAFNOSUPPORT"


def test_without_either_wall_the_worker_says_that_it_has_a_network() -> None:
    walls = inside(
        """
        print(json.dumps(walls))
        """,
        before=NO_NAMESPACES + "    seccomp._LIBRARY = 'libseccomp-of-no-machine.so'\n",
    )
    assert walls["no network"].startswith("not in force: no network namespace: Operation not permitted")
    assert "libseccomp-of-no-machine.so is not installed" in walls["no network"]
    assert walls["filtered system calls"].startswith("not in force: ")


async def test_a_real_worker_runs_behind_the_filter(start: Start, tmp_path: Path) -> None:
    for engine in ("onnxruntime", "openvino"):
        worker = await start(onnx_files.linear(tmp_path / "m.onnx"), engine)
        assert "Seccomp:\t2" in status_of(worker)
        assert worker.confinement["filtered system calls"] == "in force"


def test_every_engine_answers_where_namespaces_are_refused(tmp_path: Path) -> None:
    """A daemon of its own on such a machine: three workers, one of each engine."""
    tensors = onnx_files.linear(tmp_path / "m.onnx")
    text = gguf_files.tiny_llama(tmp_path / "m.gguf")
    daemon = textwrap.dedent(NO_NAMESPACES) + textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        import numpy as np
        from runtimes.engine import Candidate, GenerationRequest, ModelFile, ModelFormat
        from runtimes.worker.handle import Worker
        from runtimes.worker.spec import WorkerSpec

        async def started(path, form, engine, precision):
            model = ModelFile(Path(path), form, "0" * 64, 1)
            return await Worker.start(WorkerSpec(model, Candidate(engine, "CPU", precision, 1), Path(sys.executable)))

        async def main():
            for engine in ("onnxruntime", "openvino"):
                worker = await started({str(tensors)!r}, ModelFormat.ONNX, engine, "f32")
                assert (await worker.infer({{"x": np.ones((1, 4), np.float32)}}))["y"].shape == (1, 3)
                print(worker.confinement["no network"])
                await worker.stop()
            worker = await started({str(text)!r}, ModelFormat.GGUF, "llamacpp", "stored")
            chunks = [chunk async for chunk in worker.generate(GenerationRequest(prompt="a", max_tokens=3))]
            assert chunks[-1].completion_tokens == 3
            print(worker.confinement["no network"])
            await worker.stop()

        asyncio.run(main())
    """)
    command = [sys.executable, "-c", daemon]
    answered = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answered.returncode == 0, answered.stderr
    walls = answered.stdout.splitlines()
    assert len(walls) == 3
    assert all(wall.startswith("in force: seccomp; no network namespace: ") for wall in walls)
