"""Asks the inference API over its Unix socket, in the words of the public protocols."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError
from appliance.gateway.limits import Limits
from appliance.gateway.tensors import datatype_of, from_bytes, to_bytes
from runtimes.engine import Tensor

HEADER_LENGTH = "Inference-Header-Content-Length"
ANSWER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Outputs of one inference, and which version gave them."""

    version: str
    outputs: dict[str, Tensor]


class InferenceClient:
    """A client of the box's own inference API. Every call blocks.

    Raises ApplianceError: `daemon.away`, and `request.refused` with the API's own words.
    """

    def __init__(self, inference_socket: Path) -> None:
        self._path = inference_socket

    def input_datatypes(self, name: str) -> dict[str, str]:
        """Open Inference Protocol datatype of each input."""
        with self._asked("GET", f"/v2/models/{name}") as answer:
            described = json.loads(answer.read())
        return {tensor["name"]: tensor["datatype"] for tensor in described["inputs"]}

    def infer(self, name: str, inputs: Mapping[str, Tensor]) -> Answer:
        """Send tensors and take tensors back, both by the binary tensor data extension."""
        described, payload = [], []
        for tensor_name, tensor in inputs.items():
            datatype = datatype_of(tensor)
            raw = bytes(to_bytes(tensor, datatype))
            payload.append(raw)
            described.append(
                {
                    "name": tensor_name,
                    "datatype": datatype,
                    "shape": list(tensor.shape),
                    "parameters": {"binary_data_size": len(raw)},
                }
            )
        head = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
        headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
        with self._asked("POST", f"/v2/models/{name}/infer", b"".join([head, *payload]), headers) as answer:
            return _outputs(answer.read(), int(answer.headers[HEADER_LENGTH]))

    def chat(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Stream a chat completion: the JSON chunks of the OpenAI API as they come."""
        sent = json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}).encode()
        with self._asked(
            "POST", "/v1/chat/completions", sent, {"Content-Type": "application/json"}
        ) as answer:
            for line in answer:
                data = line.strip().removeprefix(b"data: ")
                if data == b"[DONE]":
                    return
                if data.startswith(b"{"):
                    yield _chunk(json.loads(data))

    @contextmanager
    def _asked(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        with closing(_UnixConnection(self._path)) as connection:
            try:
                connection.request(method, path, body, dict(headers or {}))
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise ApplianceError(
                    "daemon.away",
                    f"Nobody answers on {self._path} ({error}).",
                    kept="Nothing was asked.",
                    remedy="Start the daemon with `appliance serve`.",
                ) from error
            if answer.status != http.client.OK:
                raise _refused(answer)
            yield answer


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("appliance", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _outputs(body: bytes, header_length: int) -> Answer:
    described = json.loads(body[:header_length])
    rest = memoryview(body)[header_length:]
    outputs = {}
    for output in described["outputs"]:
        size = output["parameters"]["binary_data_size"]
        raw, rest = rest[:size], rest[size:]
        outputs[output["name"]] = from_bytes(raw, output["datatype"], output["shape"], tensor=output["name"])
    return Answer(described.get("model_version", ""), outputs)


def _chunk(chunk: dict[str, Any]) -> dict[str, Any]:
    if "error" in chunk:
        raise ApplianceError("request.refused", str(chunk["error"].get("message", chunk["error"])))
    return chunk


def _refused(answer: http.client.HTTPResponse) -> ApplianceError:
    text = answer.read(Limits().head).decode(errors="replace")
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        error = text
    what = error["message"] if isinstance(error, dict) else str(error)
    return ApplianceError("request.refused", what, remedy="See what is deployed with `appliance status`.")
