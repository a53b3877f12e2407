"""Frames survive every way a stream may be cut, and nothing malformed is taken for a tensor."""

import os
import socket
import struct
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtimes.engine import GenerationRequest
from runtimes.worker import wire
from runtimes.worker.arena import SIZE, Arena
from runtimes.worker.channel import FrameReader


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def cut(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield stream[:size]
        stream = stream[size:]
    yield stream


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 200_000)), min_size=1, max_size=4),
    st.lists(st.integers(1, 90_000), max_size=8),
)
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    frames: list[tuple[int, int]], sizes: list[int]
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(0)
        sent = [(bytes([i]) * header, bytes([i]) * payload) for i, (header, payload) in enumerate(frames, 1)]
        stream = b"".join(wire.PREFIX.pack(len(h), len(p)) + h + p for h, p in sent)
        reader = FrameReader()
        got = []
        for piece in cut(stream, sizes):
            for start in range(0, len(piece), 50_000):
                ours.sendall(piece[start : start + 50_000])
                while True:
                    try:
                        got += reader.read(theirs)
                    except BlockingIOError:
                        break
    assert [(header, bytes(payload)) for header, payload in got] == sent


def test_a_closed_end_is_told_apart_from_silence(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    with pytest.raises(BlockingIOError):
        FrameReader().read(theirs, socket.MSG_DONTWAIT)
    ours.close()
    with pytest.raises(EOFError):
        FrameReader().read(theirs)


def test_a_frame_of_absurd_size_is_refused_before_memory_is_taken(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    ours.sendall(wire.PREFIX.pack(10, 1 << 60))
    with pytest.raises(ValueError, match="larger"):
        FrameReader().read(theirs)


def test_a_request_travels_whole() -> None:
    request = wire.Generate(7, GenerationRequest(prompt="größe", stop=("a", "b"), seed=None))
    prefix_and_header, *_ = wire.frame(request)
    assert wire.decode_request(prefix_and_header[wire.PREFIX.size :]) == request


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        wire.decode_answer(msgspec.msgpack.encode(["pickle", 1]))


@pytest.mark.parametrize(
    "header",
    [
        wire.TensorHeader("x", "FP32", (3,), 8),
        wire.TensorHeader("x", "FP32", (2,), 9000),
        wire.TensorHeader("x", "FP32", (-1,), 8),
        wire.TensorHeader("x", "COMPLEX", (1,), 8),
        wire.TensorHeader("x", "BYTES", (1,), 8),
        wire.TensorHeader("x", "FP32", (2,), 8, SIZE - 4),
        wire.TensorHeader("x", "FP32", (2,), 8, -64),
    ],
)
def test_a_tensor_that_does_not_fit_its_bytes_is_refused(header: wire.TensorHeader) -> None:
    payload = memoryview(struct.pack("<I", 100) + bytes(4))
    with pytest.raises(ValueError):  # noqa: PT011 - any of numpy's and our own
        wire.unpack([header], payload, memoryview(bytearray(SIZE)))


def test_large_tensors_lie_in_the_arena_and_places_are_used_again() -> None:
    arena, descriptor = Arena.create()
    other = Arena(descriptor)
    os.close(descriptor)
    tensor = np.arange(100_000, dtype=np.float32)
    for _ in range(SIZE // tensor.nbytes + 10):
        room = arena.take(wire.shared_size([tensor]))
        assert room is not None
        headers, payload = wire.pack({"x": tensor, "small": tensor[:4]}, room)
        got = wire.unpack(headers, memoryview(b"".join(payload)), other.memory)
        np.testing.assert_array_equal(got["x"], tensor)
        np.testing.assert_array_equal(got["small"], tensor[:4])
        arena.give_back(room)
    assert arena.take(SIZE) is None
    arena.begun = 41
    assert other.begun == 41


def test_a_worker_cannot_cut_the_shared_memory_short() -> None:
    arena, descriptor = Arena.create()
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)
    arena.close()
