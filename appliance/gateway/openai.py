"""The OpenAI-compatible API: models, chat and text completions, whole or streamed.

Reference: https://platform.openai.com/docs/api-reference; streams are server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html) that end with `data: [DONE]`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from appliance.gateway.exchange import Exchange
from appliance.gateway.limits import Limits
from appliance.gateway.openai_request import TextRequest, read_chat, read_completion
from appliance.gateway.refusals import RefusalError, bad_request, timed_out
from appliance.gateway.router import ModelInfo, Router
from runtimes.engine import GenerationChunk

EVENT_STREAM = b"text/event-stream; charset=utf-8"
NO_BUFFERING = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))

_encode = msgspec.json.Encoder().encode


async def models(exchange: Exchange, router: Router) -> None:
    await exchange.reply(200, _encode({"object": "list", "data": [_model(one) for one in router.models()]}))


async def model(exchange: Exchange, router: Router, name: str) -> None:
    await exchange.reply(200, _encode(_model(router.model(name))))


def _model(info: ModelInfo) -> dict[str, Any]:
    return {"id": info.name, "object": "model", "created": info.created, "owned_by": "appliance"}


async def chat_completions(exchange: Exchange, router: Router, limits: Limits) -> None:
    """Answer a conversation. Raises RefusalError, EngineError and ClientGoneError."""
    request = read_chat(await exchange.body(), limits)
    await _generate(exchange, router, limits, request, CHAT)


async def completions(exchange: Exchange, router: Router, limits: Limits) -> None:
    """Continue a text. Raises RefusalError, EngineError and ClientGoneError."""
    request = read_completion(await exchange.body(), limits)
    await _generate(exchange, router, limits, request, COMPLETION)


# --- the two forms of an answer -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """How one of the two endpoints words its answers."""

    id_prefix: str
    object: str
    chunk_object: str
    opening: dict[str, Any] | None
    """What the first streamed event says before there is text."""
    piece: Callable[[str], dict[str, Any]]
    """A streamed piece of text within its choice."""
    whole: Callable[[str], dict[str, Any]]
    """The whole text within its choice."""


CHAT = Form(
    id_prefix="chatcmpl-",
    object="chat.completion",
    chunk_object="chat.completion.chunk",
    opening={"delta": {"role": "assistant", "content": ""}},
    piece=lambda text: {"delta": {"content": text} if text else {}},
    whole=lambda text: {"message": {"role": "assistant", "content": text, "refusal": None}},
)
COMPLETION = Form(
    id_prefix="cmpl-",
    object="text_completion",
    chunk_object="text_completion",
    opening=None,
    piece=lambda text: {"text": text},
    whole=lambda text: {"text": text},
)


async def _generate(
    exchange: Exchange, router: Router, limits: Limits, request: TextRequest, form: Form
) -> None:
    info = router.model(request.model)
    exchange.deployment, exchange.degraded = info.name, info.degraded
    if info.kind != "text":
        raise bad_request(
            f"Model {info.name!r} maps tensors and does not generate text; "
            f"ask it through /v2/models/{info.name}/infer.",
            parameter="model",
            code="request.wrong-kind",
        )
    answer = _Answer(exchange, info, request, form)
    async with exchange.while_client_waits(), aclosing(_chunks(router, info, request, limits)) as chunks:
        await (answer.stream(chunks) if request.stream else answer.whole(chunks))


async def _chunks(
    router: Router, info: ModelInfo, request: TextRequest, limits: Limits
) -> AsyncGenerator[GenerationChunk, None]:
    """The generation up to its last chunk, which has the finish reason; each within the time limit."""
    most = min(info.context_tokens or limits.generated_tokens, limits.generated_tokens)
    generation = replace(request.generation, max_tokens=min(request.max_tokens or most, most))
    async with aclosing(router.generate(info.name, generation)) as chunks:
        while True:
            try:
                async with asyncio.timeout(limits.answer_seconds):
                    chunk = await anext(chunks)
            except TimeoutError:
                raise timed_out(
                    f"Model {info.name!r} made no text for {limits.answer_seconds:g} s."
                ) from None
            except StopAsyncIteration:
                raise _cut_short(info) from None
            if chunk.finish_reason == "cancelled":
                raise _cut_short(info)
            yield chunk
            if chunk.finish_reason is not None:
                return


def _cut_short(info: ModelInfo) -> RefusalError:
    return RefusalError(
        503, "request.cancelled", f"Model {info.name!r} stopped before its end.", retry_after=2
    )


class _Answer:
    """One answer on its way to the client."""

    def __init__(self, exchange: Exchange, info: ModelInfo, request: TextRequest, form: Form) -> None:
        self._exchange = exchange
        self._request = request
        self._form = form
        self._about = {
            "id": form.id_prefix + exchange.id,
            "created": int(time.time()),
            "model": info.name,
        }

    async def whole(self, chunks: AsyncGenerator[GenerationChunk, None]) -> None:
        texts: list[str] = []
        async for chunk in chunks:
            texts.append(chunk.text)
            last = chunk
        answer = {
            **self._about,
            "object": self._form.object,
            "choices": [_choice(self._form.whole("".join(texts)), last.finish_reason)],
            "usage": self._usage(last),
        }
        await self._exchange.reply(200, _encode(answer))

    async def stream(self, chunks: AsyncGenerator[GenerationChunk, None]) -> None:
        """The first chunk is awaited before the status goes out, so that an early failure has its own."""
        chunk = await anext(chunks)
        await self._exchange.begin_stream(EVENT_STREAM, NO_BUFFERING)
        if self._form.opening is not None:
            await self._event([_choice(self._form.opening, None)])
        if chunk.text:
            await self._event([_choice(self._form.piece(chunk.text), None)])
        async for chunk in chunks:
            if chunk.text:
                await self._event([_choice(self._form.piece(chunk.text), None)])
        usage = self._usage(chunk)
        await self._event([_choice(self._form.piece(""), chunk.finish_reason)])
        if self._request.include_usage:
            await self._event([], usage)
        await self._exchange.stream(b"data: [DONE]\n\n")
        await self._exchange.end_stream()

    async def _event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> None:
        event = {**self._about, "object": self._form.chunk_object, "choices": choices}
        if self._request.include_usage:
            event["usage"] = usage
        await self._exchange.stream(b"data: " + _encode(event) + b"\n\n")

    def _usage(self, last: GenerationChunk) -> dict[str, int]:
        self._exchange.tokens = last.completion_tokens
        return {
            "prompt_tokens": last.prompt_tokens,
            "completion_tokens": last.completion_tokens,
            "total_tokens": last.prompt_tokens + last.completion_tokens,
        }


def _choice(said: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason}


# --- errors ---------------------------------------------------------------------

_CODES = {"deployment.unknown": "model_not_found", "context.overflow": "context_length_exceeded"}
"""Cause codes for which clients know a word of OpenAI's own."""


def error_body(refusal: RefusalError) -> bytes:
    """OpenAI's error object."""
    kind = "invalid_request_error" if refusal.status < 500 else "server_error"
    code = _CODES.get(refusal.code, refusal.code)
    error = {"message": refusal.message, "type": kind, "param": refusal.parameter, "code": code}
    return _encode({"error": error})


async def end_with_error(exchange: Exchange, refusal: RefusalError) -> None:
    """Tell of an error after a stream began: its status is long out, so it comes as an event."""
    await exchange.stream(b"data: " + error_body(refusal) + b"\n\n")
    await exchange.end_stream()
