"""`appliance infer` and `appliance chat`: what any client does, from the command line."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from appliance.console.text import plain
from appliance.errors import ApplianceError
from appliance.gateway.tensors import datatype_of, to_json
from appliance.inference_client import InferenceClient
from appliance.operations.context import LocalContext
from appliance.results import Chatted, Inferred, OutputTensor
from runtimes.datatypes import DTYPES
from runtimes.engine import Tensor


def infer(context: LocalContext, *, name: str, input: Sequence[str], save: str | None) -> Inferred:  # noqa: A002 - the flag's name
    client = InferenceClient(context.state.inference_socket)
    datatypes = client.input_datatypes(name)
    inputs = dict(_tensor(given, datatypes) for given in input)
    start = time.perf_counter()
    answer = client.infer(name, inputs)
    seconds = time.perf_counter() - start
    folder = None if save is None else Path(save)
    outputs = tuple(_output(output, tensor, folder) for output, tensor in answer.outputs.items())
    return Inferred(name, answer.version, outputs, seconds)


def chat(
    context: LocalContext,
    *,
    name: str,
    message: str | None,
    max_tokens: int,
    temperature: float,
    seed: int | None,
) -> Chatted:
    """Answer one message, or hold a conversation over standard input until it ends."""
    client = InferenceClient(context.state.inference_socket)
    settings = {"model": name, "max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    if message is not None:
        return _answer(client, settings, [{"role": "user", "content": message}], quiet=context.json)
    conversation: list[dict[str, str]] = []
    answered = Chatted(name, "", "stop", 0, 0, 0.0)
    while (said := _next_line(quiet=context.json)) is not None:
        conversation.append({"role": "user", "content": said})
        answered = _answer(client, settings, conversation, quiet=context.json)
        conversation.append({"role": "assistant", "content": answered.text})
    return answered


def _tensor(given: str, datatypes: dict[str, str]) -> tuple[str, Tensor]:
    if not datatypes:
        raise ApplianceError(
            "deployment.not-served",
            "No worker of this deployment has been loaded, so its inputs are not known.",
            remedy="See why with `appliance status`.",
        )
    name, separator, value = given.partition("=")
    if not separator or name not in datatypes:
        known = ", ".join(f"{known} ({datatype})" for known, datatype in datatypes.items())
        raise ApplianceError(
            "request.input",
            f"{given!r} is no input of this model; it has {known}.",
            remedy="Give --input NAME=FILE.npy.",
        )
    if not value.endswith(".npy"):
        return name, _from_json(name, value, datatypes[name])
    try:
        return name, np.load(value, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ApplianceError("request.input", f"The tensor {value} cannot be read: {error}.") from error


def _from_json(name: str, text: str, datatype: str) -> Tensor:
    try:
        return np.array(json.loads(text), dtype=DTYPES[datatype])
    except (ValueError, TypeError) as error:
        raise ApplianceError(
            "request.input",
            f"The value of {name} is neither a .npy file nor a JSON array of {datatype}: {error}.",
        ) from error


def _output(name: str, tensor: Tensor, folder: Path | None) -> OutputTensor:
    datatype = datatype_of(tensor)
    if folder is None:
        flat = np.array(to_json(tensor, datatype, name=name), dtype=object)
        return OutputTensor(name, datatype, tensor.shape, flat.reshape(tensor.shape).tolist())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{Path(name).name}.npy"
    np.save(file, tensor, allow_pickle=False)
    return OutputTensor(name, datatype, tensor.shape, None, str(file))


def _answer(
    client: InferenceClient, settings: dict[str, Any], messages: list[dict[str, str]], *, quiet: bool
) -> Chatted:
    start = time.perf_counter()
    text, finish = "", "stop"
    usage: dict[str, int] = {}
    for chunk in client.chat({**settings, "messages": messages}):
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            piece = choice["delta"].get("content") or ""
            text += piece
            finish = choice.get("finish_reason") or finish
            if not quiet:
                sys.stdout.write(_harmless(piece))
                sys.stdout.flush()
    if not quiet:
        sys.stdout.write("\n")
    seconds = time.perf_counter() - start
    return Chatted(
        settings["model"],
        text,
        finish,
        usage.get("prompt_tokens", 0),
        usage.get("completion_tokens", 0),
        seconds,
    )


def _harmless(piece: str) -> str:
    """What a model wrote, without what a terminal would take for a command; line breaks stay."""
    return "".join(character if character == "\n" else plain(character) or " " for character in piece)


def _next_line(*, quiet: bool) -> str | None:
    if not quiet and sys.stdin.isatty():
        sys.stdout.write("> ")
        sys.stdout.flush()
    line = sys.stdin.readline()
    return line.strip() if line.strip() else None
