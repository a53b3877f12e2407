"""A worker's process as the daemon holds it: started, listened to, watched, ended."""

import asyncio
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil

from runtimes.errors import EngineError
from runtimes.worker import wire
from runtimes.worker.arena import SIZE as ARENA_SIZE
from runtimes.worker.arena import Arena
from runtimes.worker.channel import Channel, Frame
from runtimes.worker.control_group import Limits, enclose
from runtimes.worker.drivercaches import driver_caches

USER_ENVIRONMENT = "APPLIANCE_WORKER_USER"
"""Names the user that workers become, where the daemon may change to it."""
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py").absolute()
_LOG_LINES = 200
_LOG_LINE_LENGTH = 500
_LAST_WORDS_SECONDS = 2.0
_GROUP_PAUSE_SECONDS = 0.05
_GROUP_ATTEMPTS = 100
_SHARED = 0o770
"""A folder for the daemon, and for those of its group."""
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
_PASSED_ON_PREFIXES = ("CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "ROC_", "GPU_", "ONEAPI_", "ZE_", "GGML_")
_SILENT = {
    "LANG": "C.UTF-8",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GGML_NO_BACKTRACE": "1",
}


class Child:
    """One worker process and the socket to it; `walls` are those that stand around it from outside.

    `on_answer` hears every answer, `on_death` is called once when the process has ended. `writable` is the one
    folder in which it may write files; it is made here, since the process may not make it. `mapped` are the bytes of
    files that it maps beside the memory of its own, `threads` those of its engine.
    """

    def __init__(
        self,
        interpreter: Path,
        on_answer: Callable[[wire.Answer, memoryview], None],
        on_death: Callable[[], None],
        *,
        memory_limit: int | None = None,
        threads: int | None = None,
        writable: Path | None = None,
        mapped: int = 0,
    ) -> None:
        user = os.environ.get(USER_ENVIRONMENT, "")
        if writable is not None:
            _make(writable, _SHARED if user else None)
        self._on_answer = on_answer
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._log_rest = b""
        self.dead = asyncio.Event()
        ours, theirs = socket.socketpair()
        self.arena, arena = Arena.create()
        try:
            arguments = (theirs.fileno(), arena, os.getpid(), memory_limit or 0, writable or "", user)
            environment = _environment(threads, writable)
            self._process = _spawn(interpreter, (theirs.fileno(), arena), arguments, environment)
        except EngineError:
            ours.close()
            self.arena.close()
            raise
        finally:
            theirs.close()
            os.close(arena)
        self.pid = self._process.pid
        in_all = None if memory_limit is None else memory_limit + mapped + ARENA_SIZE
        self._group, self.walls = enclose(self.pid, Limits(threads, in_all))
        self._pidfd = os.pidfd_open(self.pid)
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._loop.add_reader(self._output, self._read_log)
        self._loop.add_reader(self._pidfd, self._ended)
        self._channel = Channel(ours, self._on_frame, self._on_hang_up)

    def send(self, message: wire.Request, payload: Sequence[memoryview] = ()) -> bool:
        """False where the process is known to be gone and will never hear of it."""
        return self._channel.send(wire.frame(message, payload))

    def kill(self) -> None:
        """End it at once; `dead` is set when it is gone."""
        if not self.dead.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Let it end by itself, killed after `grace` seconds."""
        self._channel.close()
        try:
            async with asyncio.timeout(grace):
                await self.dead.wait()
        except TimeoutError:
            self.kill()
            await self.dead.wait()

    def log_tail(self) -> tuple[str, ...]:
        return tuple(self._log)

    def resident_memory(self) -> int | None:
        """Bytes in RAM now; None where the process is gone."""
        try:
            resident: int = psutil.Process(self.pid).memory_info().rss
        except psutil.Error:
            return None
        return resident

    def peak_memory(self) -> int | None:
        """Most bytes in RAM so far (VmHWM, which psutil does not tell); None where the process is gone."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), None)

    def obituary(self, doing: str) -> EngineError:
        """Why it died, in one sentence, with the last thing it said."""
        code = self._process.poll()
        how = "closed its end" if code is None else _ending(code)
        last = next((line for line in reversed(self._log) if line.strip()), "")
        said = f"; its last words: {last}" if last else ""
        return EngineError(
            "worker.died",
            f"The worker {how} while {doing}{said}.",
            kept="Other deployments and the daemon were not touched.",
            remedy="If it happens again, the model file or its engine is at fault: see the worker's log.",
        )

    def _on_frame(self, frame: Frame) -> None:
        header, payload = frame
        try:
            answer = wire.decode_answer(header)
        except msgspec.MsgspecError as error:
            self._log.append(f"the worker sent what no worker sends: {error}")
            self.kill()
        else:
            self._on_answer(answer, payload)

    def _on_hang_up(self) -> None:
        """It closed its end: it is dying and may still be saying why."""
        self._loop.call_later(_LAST_WORDS_SECONDS, self.kill)

    def _read_log(self) -> bool:
        """Take in a piece of the log; False where nothing is there to read."""
        try:
            data = os.read(self._output.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._output)
            return False
        *lines, self._log_rest = (self._log_rest + data).split(b"\n")
        self._log_rest = self._log_rest[-_LOG_LINE_LENGTH:]
        self._log.extend(line.decode(errors="replace")[:_LOG_LINE_LENGTH] for line in lines)
        return True

    def _ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._process.wait()
        while self._read_log():
            pass
        if self._log_rest:
            self._log.append(self._log_rest.decode(errors="replace"))
        self._loop.remove_reader(self._output)
        self._output.close()
        os.close(self._pidfd)
        self._channel.close()
        self.dead.set()
        self._on_death()
        self.arena.close()
        self._leave_group(_GROUP_ATTEMPTS)

    def _leave_group(self, attempts: int) -> None:
        """What the worker had started may take a moment to end; a group that stays is removed by the next daemon."""
        if self._group is not None and not self._group.remove() and attempts:
            self._loop.call_later(_GROUP_PAUSE_SECONDS, self._leave_group, attempts - 1)


def _make(folder: Path, mode: int | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if mode is not None:
            folder.chmod(mode)
    except OSError as error:
        raise EngineError(
            "worker.no-cache",
            f"The folder for compiled models {folder} cannot be made: {error.strerror}.",
            remedy="Free its place; the folder itself is safe to delete.",
        ) from error


def _spawn(
    interpreter: Path,
    descriptors: tuple[int, ...],
    arguments: tuple[int | str | Path, ...],
    environment: dict[str, str],
) -> "subprocess.Popen[bytes]":
    command = [str(interpreter), "-I", str(_BOOTSTRAP)]
    try:
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise EngineError(
            "pack.broken",
            f"The worker cannot be started with {interpreter}: {error.strerror}.",
            remedy="Install the engine's runtime pack again.",
        ) from error


def _environment(threads: int | None, writable: Path | None) -> dict[str, str]:
    passed_on = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    limits = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"} if threads else {}
    limits["GOMP_SPINCOUNT"] = "1000"  # docs/adr/0007: threads that spin while they wait ruin each other
    if writable is not None:
        limits |= {"TMPDIR": str(writable), **driver_caches(writable)}
    return {**passed_on, **_SILENT, **limits}


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
