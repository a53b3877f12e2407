"""Real models from the depot to their published answers: packed, signed, imported, measured, deployed, asked.

One depot, one medium, one box and one daemon carry them all; each test deploys the model that it asks.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.inference_client import InferenceClient
from runtimes.engine import Tensors
from runtimes.golden import write_golden
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.conftest import SHARED_MODELS
from tests.real_models.samples import TENSOR_MODELS, TEXT_MODELS, TensorModel, TextModel

PATIENCE = 600
"""Seconds, for one test on a busy machine."""

pytestmark = [
    pytest.mark.shared_models,
    pytest.mark.timeout(PATIENCE),
    pytest.mark.xdist_group("real-models"),
]


@dataclass(frozen=True)
class Site:
    """A box with every real model on it, and its daemon running."""

    cli: Cli
    report: Any
    """What the import said."""

    @property
    def inference_socket(self) -> Path:
        return self.cli.state / "run" / "inference.sock"

    def deploy(self, name: str, *words: str) -> list[dict[str, Any]]:
        """The candidates of its plan, the chosen one first; `words` are further ones of the command."""
        assert self.cli.ok("deploy", name, *(words or ("--budget", "4")))["serving"] is True
        results: list[dict[str, Any]] = self.cli.ok("plan", name)["plan"]["results"]
        assert results[0]["verdict"] == "chosen"
        return results


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("real-models")
    depot = _packed(TestDepot(folder / "connected-side"))
    cli = Cli(folder / "box")
    cli.ok("init", "--trust", str(depot.root), "--box", "test-box")
    with ExitStack() as running:
        with _one_processor():
            running.enter_context(cli.daemon())
        yield Site(cli, cli.ok("update", "import", str(depot.publish())))


@contextmanager
def _one_processor() -> Iterator[None]:
    """What is started here has one processor.

    Threads of llama.cpp spin while they wait for each other: where two of them share their processors with other
    work, a token takes as long as hundreds do otherwise.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _packed(depot: TestDepot) -> TestDepot:
    for model in TENSOR_MODELS:
        own = SHARED_MODELS / model.name
        write_golden(depot.folder / model.name, model.golden(own))
        depot.add(model.name, "1.0.0", own / model.file, depot.folder / model.name)
    for text in TEXT_MODELS:
        write_golden(depot.folder / text.name, text.golden(SHARED_MODELS))
        depot.add(text.name, "1.0.0", SHARED_MODELS / "gguf" / text.file, depot.folder / text.name)
    return depot


def test_every_model_is_certified_and_imported(site: Site) -> None:
    names = sorted(model.name for model in (*TENSOR_MODELS, *TEXT_MODELS))
    assert sorted(applied["name"] for applied in site.report["applied"]) == names
    assert site.report["rejected"] == []
    assert sorted(model["name"] for model in site.cli.ok("models")["models"]) == names


def test_the_weights_on_the_box_are_those_of_the_depot(site: Site) -> None:
    blobs = {path.name for path in (site.cli.state / "blobs" / "sha256").iterdir()}
    for path in (*SHARED_MODELS.glob("*/*.onnx"), *SHARED_MODELS.glob("*/*.gguf")):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in blobs, path.name


@pytest.mark.parametrize("model", TENSOR_MODELS, ids=lambda model: model.name)
def test_a_model_answers_as_published(site: Site, shared_models: Path, model: TensorModel) -> None:
    site.deploy(model.name)
    client = InferenceClient(site.inference_socket)

    def infer(inputs: Tensors) -> Tensors:
        answer = client.infer(model.name, inputs)
        assert answer.version == "1.0.0"
        return answer.outputs

    model.check(shared_models / model.name, infer)


@pytest.mark.parametrize("model", TEXT_MODELS, ids=lambda model: model.name)
def test_a_story_writer_tells_its_stories_word_for_word(
    site: Site, shared_models: Path, model: TextModel
) -> None:
    chosen = site.deploy(model.name)[0]
    assert chosen["engine"] == "llamacpp"
    transport = httpx.HTTPTransport(uds=str(site.inference_socket))
    with httpx.Client(transport=transport, base_url="http://appliance", timeout=PATIENCE) as client:
        for story in model.stories(shared_models):
            asked = {
                "model": model.name,
                "prompt": story.prompt,
                "max_tokens": story.max_tokens,
                "temperature": 0,
            }
            answer = client.post("/v1/completions", json=asked)
            assert answer.status_code == httpx.codes.OK, answer.text
            (choice,) = answer.json()["choices"]
            assert choice["text"] == story.text
            assert choice["finish_reason"] == "length"
            assert answer.json()["usage"]["completion_tokens"] == story.max_tokens


def test_the_plan_says_why_openvino_does_not_run_the_speech_model(site: Site) -> None:
    results = site.deploy("speech-activity", "--budget", "20", "--measure-again")
    assert results[0]["engine"] == "onnxruntime"
    refused = [result for result in results if result["engine"] == "openvino" and result["device"] == "CPU"]
    assert refused
    for result in refused:
        assert result["verdict"] in ("failed", "infeasible")
        assert result["code"] == "model.unsupported"
        assert "rank has to be known" in result["reason"]


def test_every_step_of_it_is_in_the_log(site: Site) -> None:
    site.deploy("digits")
    assert site.cli.ok("audit", "verify")["entries"] == len(site.cli.audit())
    done = {
        (entry["action"], entry["subject"], entry["digest"], entry["outcome"]) for entry in site.cli.audit()
    }
    digests = {model["name"]: f"sha256:{model['digest']}" for model in site.cli.ok("models")["models"]}
    for name, digest in digests.items():
        assert ("update.import", f"model {name} 1.0.0", digest, "ok") in done
    assert ("deploy", "digits 1.0.0", digests["digits"], "ok") in done
