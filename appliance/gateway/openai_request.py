"""Requests of the OpenAI-compatible API: read, checked, and told as a GenerationRequest.

A parameter that this box cannot honour is refused by name wherever ignoring it would change the answer.
Reference: https://platform.openai.com/docs/api-reference/chat and …/completions.
"""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from appliance.gateway.decoding import decode, malformed
from appliance.gateway.limits import Limits
from appliance.gateway.refusals import RefusalError, bad_request, too_large
from runtimes.engine import GenerationRequest, Message

BOOKKEEPING = frozenset(
    {"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "user"}
)
"""Parameters that never change an answer; accepted and not used."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": (True, False),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": ("none",),
    "response_format": ({"type": "text"},),
    "store": (False,),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "verbosity": (),
    "web_search_options": (),
}
"""Parameters that are not supported -> the values that ask for nothing, besides null, and so may stand."""

MOST_STOPS = 16
DEFAULT_COMPLETION_TOKENS = 16
ROLES = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}

Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(gt=0, le=1)]
Count = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class StreamOptions(msgspec.Struct):
    include_usage: bool = False
    include_obfuscation: bool = False


class TextPart(msgspec.Struct):
    type: str
    text: str | None = None


class ChatMessage(msgspec.Struct, forbid_unknown_fields=True):
    role: str
    content: str | list[TextPart] | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None


class _Common(msgspec.Struct, kw_only=True):
    model: str
    max_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Seed | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class ChatBody(_Common, kw_only=True):
    messages: list[ChatMessage]
    max_completion_tokens: Count | None = None


class CompletionBody(_Common, kw_only=True):
    prompt: str | list[str]


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What a client asked for; `generation.max_tokens` is still to be held against the model's context."""

    model: str
    generation: GenerationRequest
    max_tokens: int | None
    """What the client asked for; None where it left it open."""
    stream: bool
    include_usage: bool


Body = TypeVar("Body", bound=_Common)
_decoder = msgspec.json.Decoder(dict[str, Any])


def read_chat(body: memoryview, limits: Limits) -> TextRequest:
    """Read the body of `/v1/chat/completions`. Raises RefusalError (400, 413)."""
    asked = _read(body, ChatBody, limits)
    if not asked.messages:
        raise bad_request("There are no messages to answer.", parameter="messages")
    if len(asked.messages) > limits.messages:
        raise too_large(f"More than {limits.messages} messages.", parameter="messages")
    messages = tuple(_message(one, f"messages[{i}]") for i, one in enumerate(asked.messages))
    return _text_request(asked, asked.max_completion_tokens or asked.max_tokens, messages=messages)


def read_completion(body: memoryview, limits: Limits) -> TextRequest:
    """Read the body of `/v1/completions`. Raises RefusalError (400, 413)."""
    asked = _read(body, CompletionBody, limits)
    prompts = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
    if len(prompts) != 1:
        raise bad_request("Exactly one prompt can be completed in a request.", parameter="prompt")
    return _text_request(asked, asked.max_tokens or DEFAULT_COMPLETION_TOKENS, prompt=prompts[0])


def _read(body: memoryview, kind: type[Body], limits: Limits) -> Body:
    fields = decode(_decoder, body)
    known = {field.name for field in msgspec.structs.fields(kind)}
    for name, value in fields.items():
        if name not in known:
            _refuse_unsupported(name, value)
    try:
        asked = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise malformed(error) from None
    if len(asked.model) > limits.name:
        raise too_large(f"The model's name is longer than {limits.name} characters.", parameter="model")
    return asked


def _refuse_unsupported(name: str, value: object) -> None:
    if name in BOOKKEEPING or value is None or value in NEUTRAL.get(name, ()):
        return
    shown = name[:64]
    if name == "n":
        raise _unsupported(shown, "Only n=1 is supported: one answer a request.")
    if name in NEUTRAL:
        raise _unsupported(shown, f"{shown!r} is not supported by this appliance; leave it out.")
    raise _unsupported(shown, f"{shown!r} is not a parameter of this request; leave it out.")


def _unsupported(name: str, message: str) -> RefusalError:
    return bad_request(message, parameter=name, code="request.unsupported")


def _text_request(
    asked: _Common, max_tokens: int | None, *, prompt: str | None = None, messages: tuple[Message, ...] = ()
) -> TextRequest:
    if asked.stream_options is not None and not asked.stream:
        raise bad_request("stream_options needs stream=true.", parameter="stream_options")
    house = GenerationRequest()
    generation = GenerationRequest(
        prompt=prompt,
        messages=messages,
        max_tokens=max_tokens or house.max_tokens,
        temperature=house.temperature if asked.temperature is None else asked.temperature,
        top_p=house.top_p if asked.top_p is None else asked.top_p,
        seed=asked.seed,
        stop=_stops(asked.stop),
    )
    include_usage = asked.stream_options is not None and asked.stream_options.include_usage
    return TextRequest(asked.model, generation, max_tokens, bool(asked.stream), include_usage)


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MOST_STOPS:
        raise bad_request(f"More than {MOST_STOPS} stop sequences.", parameter="stop")
    if "" in stops:
        raise bad_request("An empty stop sequence would stop at once.", parameter="stop")
    return stops


def _message(one: ChatMessage, place: str) -> Message:
    if one.role not in ROLES:
        raise bad_request(
            f"Role {one.role[:64]!r} is not supported; use {', '.join(ROLES)}.", parameter=f"{place}.role"
        )
    if one.content is None:
        raise bad_request("A message needs content.", parameter=f"{place}.content")
    if isinstance(one.content, str):
        return Message(ROLES[one.role], one.content)
    for part in one.content:
        if part.type != "text" or part.text is None:
            raise bad_request(
                f"Content of type {part.type[:64]!r} is not supported; this appliance reads text.",
                parameter=f"{place}.content",
            )
    return Message(ROLES[one.role], "".join(part.text or "" for part in one.content))
