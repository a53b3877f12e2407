"""What the story asks over the public protocols, spelt out as a client would send it."""

import http.client
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUESTION = "The conveyor motor is hot. What should I check?"
SEED = 424_242
"""Of the drawn parts: none that the network was trained on."""
HEADER_LENGTH = "Inference-Header-Content-Length"


def infer_json(
    connection: http.client.HTTPConnection, name: str, image: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`POST /v2/models/NAME/infer` with JSON both ways; scores [batch, classes]."""
    body = {
        "inputs": [
            {"name": "image", "datatype": "FP32", "shape": image.shape, "data": image.reshape(-1).tolist()}
        ]
    }
    connection.request(
        "POST", f"/v2/models/{name}/infer", json.dumps(body), {"Content-Type": "application/json"}
    )
    (output,) = _read(connection)["outputs"]
    return np.array(output["data"], np.float32).reshape(output["shape"])


def infer_binary(
    connection: http.client.HTTPConnection, name: str, image: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The same with the binary tensor data extension in both directions."""
    raw = image.tobytes()
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "image",
                    "datatype": "FP32",
                    "shape": image.shape,
                    "parameters": {"binary_data_size": len(raw)},
                }
            ],
            "outputs": [{"name": "scores", "parameters": {"binary_data": True}}],
        }
    ).encode()
    connection.request("POST", f"/v2/models/{name}/infer", head + raw, {HEADER_LENGTH: str(len(head))})
    answer = connection.getresponse()
    body = answer.read()
    length = int(answer.headers[HEADER_LENGTH])
    (output,) = json.loads(body[:length])["outputs"]
    return np.frombuffer(body[length:], np.float32).reshape(output["shape"])


def chat(connection: http.client.HTTPConnection, name: str, question: str) -> list[str]:
    """`POST /v1/chat/completions`, streaming; the pieces of the answer as they came."""
    body = {
        "model": name,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 80,
        "stream": True,
    }
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    pieces = []
    for line in connection.getresponse():
        data = line.strip().removeprefix(b"data: ")
        if data.startswith(b"{"):
            pieces += [choice["delta"].get("content") or "" for choice in json.loads(data)["choices"]]
    return [piece for piece in pieces if piece]


def get(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    return _read(connection)


def _read(connection: http.client.HTTPConnection) -> Any:
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{answer.status}: {body[:500]!r}")
    return json.loads(body)
