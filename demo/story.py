"""The story of the README: from a model at the depot to an answer on the box, and the log that proves it."""

import argparse
import http.client
import socket
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from demo import questions
from demo.models.inspection.draw import LABELS, draw, tensor
from demo.stage import Stage, StoryError

MODELS = Path(__file__).parent / "models"
INSPECTION = "line-inspection"
ASSISTANT = "maintenance-assistant"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--folder", type=Path, help="play here; default: a new temporary folder, which stays")
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp(prefix="appliance-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(folder / "box")
    try:
        _play(stage, folder)
    except StoryError as error:
        stage.console.print(Text(str(error), "red"))
        return 1
    _close(stage)
    return 0


def _play(stage: Stage, folder: Path) -> None:
    depot, medium = folder / "depot", folder / "stick"
    medium.mkdir(exist_ok=True)
    _at_the_depot(stage, depot, medium)
    _provision(stage, depot)
    _refuse_a_changed_medium(stage, medium)
    _import(stage, medium)
    _choose(stage)
    port = _free_port()
    with stage.daemon(port):
        _answer_over_oip(stage, port)
        _answer_over_openai(stage, port)
        _ask_from_the_command_line(stage, folder)
        _look(stage)
    _prove(stage, folder)


def _at_the_depot(stage: Stage, depot: Path, medium: Path) -> None:
    with stage.step("Make a depot and its keys") as outcome:
        made = stage.appliance("depot", "init", str(depot))
        outcome.text = ", ".join(
            f"{r['role']} {r['threshold']} of {len(r['key_ids'])}" for r in made["roles"]
        )
    with stage.step("Pack two models with their golden samples") as outcome:
        packed = [_add(stage, depot, INSPECTION, "inspection"), _add(stage, depot, ASSISTANT, "assistant")]
        outcome.text = "; ".join(
            f"{p['name']} {p['size'] / 1e6:.1f} MB, {p['samples']} samples" for p in packed
        )
    with stage.step("Sign and write the stick") as outcome:
        written = stage.appliance("depot", "publish", str(depot), str(medium))
        outcome.text = f"{written['files']} files, {written['size'] / 1e6:.1f} MB, read back"


def _add(stage: Stage, depot: Path, name: str, folder: str) -> dict[str, Any]:
    source = MODELS / folder
    words = [
        "--name",
        name,
        "--version",
        "1.0.0",
        "--golden",
        str(source / "golden"),
        "--licence",
        "Apache-2.0",
    ]
    if folder == "inspection":
        words += ["--file", str(source / "inspection.onnx"), "--labels", str(source / "labels.txt")]
        words += ["--summary", "Finds scratches and dents on machined parts", "--latency-ms", "20"]
    else:
        words += ["--file", str(source / "assistant.gguf"), "--summary", "Answers maintenance questions"]
    return stage.appliance("depot", "add-model", str(depot), *words)


def _provision(stage: Stage, depot: Path) -> None:
    with stage.step("Provision the box") as outcome:
        root = depot / "metadata" / "1.root.json"
        made = stage.appliance("init", "--trust", str(root), "--box", "demo-box")
        outcome.text = f"{made['box']}, administrator {made['administrator']}, device key made"


def _import(stage: Stage, medium: Path) -> None:
    with stage.step("Look at the stick, then import it") as outcome:
        stage.show("update", "inspect", str(medium))
        report = stage.appliance("update", "import", str(medium))
        outcome.text = (
            f"found {report['found']}, applied {len(report['applied'])}, rejected {len(report['rejected'])}, "
            f"{report['copied'] / 1e6:.1f} MB"
        )
    with stage.step("Examine the machine") as outcome:
        hardware = stage.appliance("doctor")["hardware"]
        cpu, accelerators = hardware["cpu"], [a["name"] for a in hardware["accelerators"]]
        outcome.text = (
            f"{cpu['model']}, {cpu['usable']:g} processors, accelerators: {', '.join(accelerators) or 'none'}"
        )


def _refuse_a_changed_medium(stage: Stage, medium: Path) -> None:
    with stage.step("Change one byte on the stick: it is refused") as outcome:
        blobs = medium / "appliance-update" / "blobs" / "sha256"
        victim = max(blobs.iterdir(), key=lambda blob: blob.stat().st_size)
        untouched = victim.read_bytes()
        changed = bytearray(untouched)
        changed[len(changed) // 2] ^= 1
        victim.write_bytes(changed)
        error = stage.appliance("update", "import", str(medium), fails=True)
        victim.write_bytes(untouched)
        outcome.text = error["what"].replace(victim.name, f"{victim.name[:12]}…")


def _choose(stage: Stage) -> None:
    for name in (INSPECTION, ASSISTANT):
        with stage.step(f"Measure and deploy {name}") as outcome:
            stage.show("deploy", name, "--budget", "4")
            plan = stage.appliance("plan", name)["plan"]["results"]
            measured = plan[0]["measurement"]
            tried = sum(result["measurement"] is not None for result in plan)
            speed = f"{measured['p50_seconds'] * 1e3:.2f} ms"
            if measured["first_token_seconds"] is not None:
                speed = f"{measured['throughput']:.0f} tokens/s"
            outcome.text = f"{plan[0]['label']}, {speed}; {tried} measured, {len(plan)} candidates in all"


def _answer_over_oip(stage: Stage, port: int) -> None:
    part = tensor(draw("scratch", questions.SEED)[None])
    with stage.step("Ask over the Open Inference Protocol, Unix socket, binary tensors") as outcome:
        with closing(_UnixHttp(stage.state / "run" / "inference.sock")) as connection:
            scores = questions.infer_binary(connection, INSPECTION, part)
        outcome.text = _verdict(scores)
    with stage.step("Ask over the Open Inference Protocol, loopback, JSON") as outcome:
        with _loopback(port) as connection:
            scores = questions.infer_json(connection, INSPECTION, part)
        outcome.text = _verdict(scores)


def _verdict(scores: Any) -> str:
    best = int(np.argmax(scores))
    if LABELS[best] != "scratch":
        raise StoryError(f"a scratched part was taken for {LABELS[best]}: {scores}")
    return f"{LABELS[best]} {float(np.max(scores)):.3f}"


def _answer_over_openai(stage: Stage, port: int) -> None:
    with stage.step("Chat over the OpenAI API, streaming") as outcome:
        with _loopback(port) as connection:
            pieces = questions.chat(connection, ASSISTANT, questions.QUESTION)
        stage.console.print(Text(f"  {questions.QUESTION}\n  {''.join(pieces).strip()}"))
        outcome.text = f"{len(pieces)} pieces: {''.join(pieces).strip()[:60]}…"
    with stage.step("List the models over the OpenAI API") as outcome:
        with _loopback(port) as connection:
            listed = questions.get(connection, "/v1/models")
        outcome.text = ", ".join(model["id"] for model in listed["data"])


def _ask_from_the_command_line(stage: Stage, folder: Path) -> None:
    with stage.step("Ask from the command line") as outcome:
        file = folder / "part.npy"
        np.save(file, tensor(draw("dent", questions.SEED)[None]))
        inferred = stage.appliance("infer", INSPECTION, "--input", f"image={file}")
        chatted = stage.appliance("chat", ASSISTANT, questions.QUESTION, "--max-tokens", "48")
        scores = np.array(inferred["outputs"][0]["data"])
        outcome.text = f"{LABELS[int(scores.argmax())]}; {chatted['completion_tokens']} tokens"


def _look(stage: Stage) -> None:
    with stage.step("Look at the box") as outcome:
        stage.show("status")
        status = stage.appliance("status")
        serving = [d["name"] for d in status["deployments"] if d["state"] == "serving"]
        outcome.text = f"{status['health']}; serving {', '.join(serving)}"


def _prove(stage: Stage, folder: Path) -> None:
    with stage.step("Prove and export the log") as outcome:
        stage.show("audit", "list", "--count", "8")
        verified = stage.appliance("audit", "verify")
        exported = stage.appliance("audit", "export", str(folder / "audit.jsonl"))
        outcome.text = f"{verified['entries']} entries verified, {exported['entries']} exported"


def _close(stage: Stage) -> None:
    stage.console.print()
    stage.console.print(stage.table())
    stage.console.print(
        Text(
            f"\nThe box stays in {stage.state}. Start it, then open a console on it from another terminal:\n"
            f"  ./dev run serve --state-dir {stage.state}\n"
            f"  ./dev run tui --state-dir {stage.state}\n"
            f"  ./dev run gui --state-dir {stage.state}"
        )
    )


class _UnixHttp(http.client.HTTPConnection):
    """HTTP over a Unix socket, as any client would do it."""

    def __init__(self, path: Path) -> None:
        super().__init__("appliance", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _loopback(port: int) -> "closing[http.client.HTTPConnection]":
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
