"""A worker writes text: streamed, cut where asked, cancelled when nobody listens, never past its context."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from runtimes.engine import GenerationChunk, GenerationRequest, Message
from runtimes.errors import EngineError
from runtimes.worker.handle import Worker
from tests.runtimes import gguf_files

Start = Callable[..., Awaitable[Worker]]


async def ask(worker: Worker, **request: object) -> tuple[str, GenerationChunk]:
    """The whole text and the last chunk, greedy unless said otherwise."""
    chunks = [c async for c in worker.generate(GenerationRequest(**{"temperature": 0.0, **request}))]  # type: ignore[arg-type]
    assert [c.finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    return "".join(chunk.text for chunk in chunks), chunks[-1]


@pytest.mark.shared_models
@pytest.mark.parametrize("file", ["stories260K.gguf", "stories260K-q8_0.gguf"])
async def test_the_published_stories_come_word_for_word(start: Start, shared_models: Path, file: str) -> None:
    worker = await start(shared_models / "gguf" / file)

    for case in json.loads((shared_models / "gguf" / "expected.json").read_text())["results"][file]:
        text, last = await ask(worker, prompt=case["prompt"], max_tokens=case["max_tokens"])
        assert text == case["text"]
        assert last.finish_reason == case["finish"]
        assert last.completion_tokens == case["max_tokens"]


@pytest.mark.shared_models
async def test_text_ends_before_a_stop_string_that_spans_tokens(start: Start, shared_models: Path) -> None:
    worker = await start(shared_models / "gguf" / "stories260K.gguf")

    text, last = await ask(worker, prompt="Once upon a time", stop=("Lily. She lo", "never said"))

    assert text == ", there was a little girl named "
    assert last.finish_reason == "stop"


async def test_the_same_seed_gives_the_same_text_and_another_another(start: Start, tmp_path: Path) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))

    async def babble(seed: int) -> str:
        return (await ask(worker, prompt="a", max_tokens=20, temperature=1.0, top_p=1.0, seed=seed))[0]

    assert await babble(1) == await babble(1)
    assert len({await babble(seed) for seed in range(4)}) > 1


async def test_a_prompt_longer_than_the_context_is_refused_with_both_lengths(
    start: Start, tmp_path: Path
) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))
    assert worker.context_tokens == 64

    with pytest.raises(EngineError, match="64") as refused:
        await ask(worker, prompt="a" * 100)

    assert refused.value.code == "context.overflow"
    assert (await ask(worker, prompt="a", max_tokens=1))[1].completion_tokens == 1


async def test_an_answer_ends_where_the_context_does(start: Start, tmp_path: Path) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))

    _, last = await ask(worker, prompt="abc", max_tokens=10_000)

    assert last.finish_reason == "length"
    assert last.prompt_tokens + last.completion_tokens == 64


async def test_a_conversation_goes_through_the_models_own_template(start: Start, tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf", **{"tokenizer.chat_template": template}))

    answered, _ = await ask(worker, messages=(Message("user", "ab"), Message("user", "cd")), max_tokens=12)
    continued, _ = await ask(worker, prompt="abcd", max_tokens=12)

    assert answered == continued
    assert worker.in_force.details["chat template"] == "the model's own"


async def test_a_model_without_a_template_gets_roles_line_by_line(start: Start, tmp_path: Path) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))

    answered, _ = await ask(worker, messages=(Message("user", "ab"),), max_tokens=12)
    continued, _ = await ask(worker, prompt="user: ab\nassistant:", max_tokens=12)

    assert answered == continued
    assert worker.in_force.details["chat template"] == "plain"


async def test_what_a_template_refuses_is_the_requests_fault(start: Start, tmp_path: Path) -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf", **{"tokenizer.chat_template": template}))

    with pytest.raises(EngineError, match="roles must alternate") as refused:
        await ask(worker, messages=(Message("user", "a"),))
    assert refused.value.code == "request.messages"


async def test_a_template_cannot_leave_its_sandbox(start: Start, tmp_path: Path) -> None:
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf", **{"tokenizer.chat_template": template}))

    with pytest.raises(EngineError) as refused:
        await ask(worker, messages=(Message("user", "a"),))
    assert refused.value.code == "request.messages"


async def test_closing_the_stream_cancels_and_the_worker_serves_on(start: Start, tmp_path: Path) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))
    stream = worker.generate(GenerationRequest(prompt="", max_tokens=60, seed=1))

    await anext(stream)
    await stream.aclose()

    assert (await ask(worker, prompt="a", max_tokens=3))[1].completion_tokens == 3
    assert worker.in_flight == 0


async def test_generations_asked_at_once_are_all_answered(start: Start, tmp_path: Path) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))

    together = await asyncio.gather(*(ask(worker, prompt=letter, max_tokens=8) for letter in "abca"))

    assert together[0] == together[3]
    assert len({text for text, _ in together}) == 3


async def test_the_text_engine_keeps_quiet_about_a_sound_model(start: Start, tmp_path: Path) -> None:
    worker = await start(gguf_files.tiny_llama(tmp_path / "m.gguf"))
    await ask(worker, prompt="a", max_tokens=2)
    assert len(worker.log_tail()) < 5
