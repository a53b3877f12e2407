"""The Open Inference Protocol, version 2, over HTTP, with the binary tensor data extension.

Specification: https://github.com/kserve/open-inference-protocol, `inference_rest.md`; the extension:
Triton's `extension_binary_data.md`. Versions in a path are the deployment's own.
"""

import asyncio
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from appliance.gateway import oip_request, tensors
from appliance.gateway.exchange import Exchange
from appliance.gateway.limits import Limits
from appliance.gateway.oip_request import Inference
from appliance.gateway.refusals import RETRY_SECONDS, RefusalError, bad_request, timed_out
from appliance.gateway.router import ModelInfo, Router
from runtimes.engine import Tensor, TensorSpec

SERVER = {
    "name": "appliance",
    "version": installed_version("appliance"),
    "extensions": ["binary_tensor_data"],
}
HEAD_LENGTH = b"inference-header-content-length"


class OutputAnswer(msgspec.Struct):
    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: dict[str, int] | UnsetType = UNSET
    data: list[Any] | UnsetType = UNSET


class InferAnswer(msgspec.Struct):
    model_name: str
    model_version: str
    outputs: list[OutputAnswer]
    id: str | UnsetType = UNSET
    parameters: dict[str, str] | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode


async def server_metadata(exchange: Exchange) -> None:
    await exchange.reply(200, _encode(SERVER))


async def live(exchange: Exchange) -> None:
    await exchange.reply(200, _encode({"live": True}))


async def ready(exchange: Exchange, router: Router) -> None:
    """The server is ready once every deployment is."""
    await _reply_readiness(exchange, {"ready": all(model.ready for model in router.models())})


async def model_ready(exchange: Exchange, router: Router, name: str, version: str | None) -> None:
    model = router.model(name, version)
    exchange.degraded = model.degraded
    await _reply_readiness(exchange, {"name": model.name, "ready": model.ready, **_parameters(model)})


async def _reply_readiness(exchange: Exchange, answer: Mapping[str, object]) -> None:
    if answer["ready"]:
        await exchange.reply(200, _encode(answer))
    else:
        await exchange.reply(503, _encode(answer), headers=[(b"retry-after", b"%d" % RETRY_SECONDS)])


async def model_metadata(exchange: Exchange, router: Router, name: str, version: str | None) -> None:
    model = router.model(name, version)
    exchange.degraded = model.degraded
    answer = {
        "name": model.name,
        "versions": [model.version],
        "platform": model.platform,
        "inputs": [_metadata(spec) for spec in model.inputs],
        "outputs": [_metadata(spec) for spec in model.outputs],
        **_parameters(model),
    }
    await exchange.reply(200, _encode(answer))


def _parameters(model: ModelInfo) -> dict[str, dict[str, str]]:
    """What a model that does not run as planned says of it."""
    return {"parameters": {"degraded": model.degraded}} if model.degraded else {}


def _metadata(spec: TensorSpec) -> dict[str, object]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": spec.shape}


async def infer(exchange: Exchange, router: Router, limits: Limits, name: str, version: str | None) -> None:
    """Answer one inference. Raises RefusalError, EngineError and ClientGoneError."""
    model = router.model(name, version)
    exchange.deployment, exchange.degraded = model.name, model.degraded
    if model.kind != "tensor":
        raise bad_request(
            f"Model {model.name!r} generates text; ask it through /v1/chat/completions or /v1/completions.",
            code="request.wrong-kind",
        )
    head = _head_length(exchange)
    inference = oip_request.read(await exchange.body(head or 0), head, model, limits)
    seconds = min(limits.answer_seconds, inference.deadline)
    try:
        async with asyncio.timeout(seconds), exchange.while_client_waits():
            outputs = await router.infer(model.name, inference.inputs, tuple(inference.outputs), version)
    except TimeoutError:
        raise timed_out(f"Model {model.name!r} did not answer within {seconds:g} s.") from None
    await _reply_outputs(exchange, model, inference, outputs)


def _head_length(exchange: Exchange) -> int | None:
    """Length of the JSON in bytes where raw tensors follow it; None where the whole body is JSON."""
    value = exchange.headers.get(HEAD_LENGTH)
    if value is None:
        return None
    if not value.isdigit() or len(value) > 18:
        raise bad_request("Inference-Header-Content-Length is not a number of bytes.")
    return int(value)


async def _reply_outputs(
    exchange: Exchange, model: ModelInfo, inference: Inference, outputs: Mapping[str, Tensor]
) -> None:
    answers: list[OutputAnswer] = []
    raw: list[memoryview] = []
    for name in inference.outputs or outputs:
        datatype = tensors.datatype_of(outputs[name])
        answer = OutputAnswer(name, datatype, outputs[name].shape)
        if inference.outputs.get(name, inference.raw_by_default):
            raw.append(tensors.to_bytes(outputs[name], datatype))
            answer.parameters = {"binary_data_size": len(raw[-1])}
        else:
            answer.data = tensors.to_json(outputs[name], datatype, name=name)
        answers.append(answer)
    id_or_nothing = UNSET if inference.id is None else inference.id
    parameters = {"degraded": model.degraded} if model.degraded else UNSET
    head = _encode(InferAnswer(model.name, model.version, answers, id_or_nothing, parameters))
    if raw:
        headers = [(HEAD_LENGTH, b"%d" % len(head))]
        await exchange.reply(200, head, *raw, content_type=b"application/octet-stream", headers=headers)
    else:
        await exchange.reply(200, head)


def error_body(refusal: RefusalError) -> bytes:
    """The protocol's error object."""
    return _encode({"error": refusal.message})
