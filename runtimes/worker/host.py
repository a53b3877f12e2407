"""Inside the worker: one loaded model answers requests, as many at once as its candidate has streams.

One thread a stream takes a request from the socket, answers it and takes the next, so a request costs no hand-over
between threads. A text model has one: between two pieces of a generation it looks for cancellations.
"""

import contextlib
import os
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator
from importlib.metadata import entry_points

from runtimes.engine import (
    ENTRY_POINT_GROUP,
    Candidate,
    Engine,
    GenerationChunk,
    Rejection,
    TensorModel,
    TextModel,
)
from runtimes.errors import EngineError
from runtimes.worker import wire
from runtimes.worker.arena import Arena
from runtimes.worker.channel import FrameReader, drain

_FOR_THE_MODEL = (wire.Infer, wire.Generate)


def serve(sock: socket.socket, arena: int, confinement: dict[str, str]) -> None:
    """Answer the daemon until it closes its end of the socket; `arena` is the shared memory's descriptor."""
    Host(sock, Arena(arena), confinement).run()


class Host:
    """The requests of one socket and the model that answers them."""

    def __init__(self, sock: socket.socket, arena: Arena, confinement: dict[str, str]) -> None:
        self._sock = sock
        self._arena = arena
        self._confinement = confinement
        self._reader = FrameReader()
        self._waiting: deque[tuple[wire.Request, memoryview]] = deque()
        self._tensor_model: TensorModel | None = None
        self._text_model: TextModel | None = None
        self._streams: list[threading.Thread] = []
        self._taking = threading.Lock()
        self._sending = threading.Lock()

    def run(self) -> None:
        self._answer_all()
        for stream in self._streams:
            stream.join()
        for model in (self._tensor_model, self._text_model):
            if model is not None:
                model.close()

    def _answer_all(self) -> None:
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                self._answer(*self._take())

    def _take(self) -> tuple[wire.Request, memoryview]:
        with self._taking:
            while not self._waiting:
                self._receive(0)
            request, payload = self._waiting.popleft()
            if isinstance(request, _FOR_THE_MODEL):
                self._arena.begun = request.id
            return request, payload

    def _receive(self, flags: int) -> None:
        for header, payload in self._reader.read(self._sock, flags):
            self._waiting.append((wire.decode_request(header), payload))

    def _answer(self, request: wire.Request, payload: memoryview) -> None:
        identity = getattr(request, "id", None)
        try:
            match request:
                case wire.Infer():
                    self._infer(request, payload)
                case wire.Generate():
                    self._generate(request)
                case wire.Load():
                    self._load(request)
                case wire.Probe():
                    self._probe(request)
                case wire.Cancel():
                    pass  # what it meant is already answered
        except EngineError as error:
            self._send(wire.Failed.of(identity, error))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except MemoryError:
            self._send(wire.Failed.of(identity, _out_of_memory()))
            sys.stderr.write(
                "ended after running out of memory: an engine's allocator does not recover from it\n"
            )
            sys.stderr.flush()
            os._exit(1)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises must reach the daemon as an answer
            traceback.print_exc()
            code = "model.invalid" if identity is None else "request.failed"
            self._send(wire.Failed(identity, code, one_line(error)))

    def _load(self, request: wire.Load) -> None:
        engine = _engine(request.engine)
        model = engine.load(request.model, request.candidate, request.cache)
        if isinstance(model, TensorModel):
            self._tensor_model = model
        else:
            self._text_model = model
        streams = request.candidate.streams if self._tensor_model else 1
        self._streams = [threading.Thread(target=self._answer_all) for _ in range(streams - 1)]
        self._send(
            wire.Loaded(
                kind="tensor" if self._tensor_model else "text",
                inputs=self._tensor_model.inputs if self._tensor_model else (),
                outputs=self._tensor_model.outputs if self._tensor_model else (),
                context_tokens=self._text_model.context_tokens if self._text_model else None,
                in_force=model.in_force,
                engine_version=engine.describe().version,
                confinement=self._confinement,
            )
        )
        for stream in self._streams:
            stream.start()

    def _probe(self, request: wire.Probe) -> None:
        engine = _engine(request.engine)
        options = engine.candidates(request.model, request.hardware)
        self._send(
            wire.Probed(
                description=engine.describe(),
                candidates=tuple(o for o in options if isinstance(o, Candidate)),
                rejections=tuple(o for o in options if isinstance(o, Rejection)),
            )
        )

    def _infer(self, request: wire.Infer, payload: memoryview) -> None:
        if self._tensor_model is None:
            raise _not_loaded("tensor")
        inputs = wire.unpack(request.tensors, payload, self._arena.memory)
        outputs = self._tensor_model.infer(inputs, request.outputs)
        headers, raw = wire.pack(outputs, self._arena.room(request.reply_slot, request.reply_room))
        self._send(wire.Result(request.id, headers), raw)

    def _generate(self, request: wire.Generate) -> None:
        if self._text_model is None:
            raise _not_loaded("text")
        chunks = self._text_model.generate(request.request)
        try:
            for chunk in chunks:
                self._send(wire.Chunk(request.id, chunk))
                if chunk.finish_reason is None and self._cancelled(request.id):
                    self._send(wire.Chunk(request.id, GenerationChunk("", "cancelled")))
                    return
        finally:
            if isinstance(chunks, Generator):
                chunks.close()

    def _cancelled(self, running: int) -> bool:
        """Take in what has arrived, drop the waiting generations that it cancels; was the running one?"""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._receive(socket.MSG_DONTWAIT)
        cancelled = {request.id for request, _ in self._waiting if isinstance(request, wire.Cancel)}
        if not cancelled:
            return False
        still_wanted: deque[tuple[wire.Request, memoryview]] = deque()
        for request, payload in self._waiting:
            if isinstance(request, wire.Generate) and request.id in cancelled:
                self._send(wire.Chunk(request.id, GenerationChunk("", "cancelled")))
            elif not isinstance(request, wire.Cancel):
                still_wanted.append((request, payload))
        self._waiting = still_wanted
        return running in cancelled

    def _send(self, message: wire.Answer, payload: list[memoryview] | None = None) -> None:
        with self._sending:
            drain(self._sock, deque(wire.frame(message, payload or ())))


def one_line(error: BaseException) -> str:
    """An engine's exception as one readable sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:400]}" if lines else type(error).__name__


def _engine(name: str) -> Engine:
    found = entry_points(group=ENTRY_POINT_GROUP, name=name)
    if not found:
        raise EngineError(
            "pack.missing",
            f"No engine named {name!r} is installed under {sys.executable}.",
            remedy="Install the runtime pack that holds it.",
        )
    try:
        adapter: Engine = next(iter(found)).load()()
    except ImportError as error:
        raise EngineError(
            "pack.broken",
            f"The engine {name!r} cannot be imported: {one_line(error)}",
            remedy="Install its runtime pack again.",
        ) from error
    return adapter


def _out_of_memory() -> EngineError:
    return EngineError(
        "worker.out-of-memory",
        "The request needs more memory than its worker may use.",
        kept="Other deployments were not touched; the worker is replaced.",
        remedy="Send a smaller request, or give the deployment more memory.",
    )


def _not_loaded(kind: str) -> EngineError:
    return EngineError("request.wrong-kind", f"This worker has no {kind} model loaded.")
