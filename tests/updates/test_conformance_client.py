"""The client under test of the public conformance suite, against a server of our own: `./dev tuf-conformance` runs the suite."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.updates.simulator import Simulator
from updates.digest import Digest

CLIENT = Path(__file__).parents[1] / "tuf_conformance" / "client"
PATH, CONTENT = "models/line/1.0.0/manifest.json", b"manifest"


class Server:
    """Serves a repository in memory, and its one target under its hashed name."""

    def __init__(self, repository: Simulator) -> None:
        files = repository.files
        hashed = f"/targets/models/line/1.0.0/{Digest.of(CONTENT).hex}.manifest.json"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = CONTENT if self.path == hashed else files.get(self.path.removeprefix("/metadata/"))
                self.send_response(200 if data is not None else 404)
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the server's own name
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def repository() -> Simulator:
    repository = Simulator()
    for payload in (repository.root, repository.timestamp, repository.snapshot, repository.targets):
        payload.expires = payload.expires.replace(year=9998)
    repository.publish_root()
    repository.publish()
    return repository


@pytest.fixture
def server(repository: Simulator) -> Iterator[Server]:
    server = Server(repository)
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def client(*words: str) -> int:
    return subprocess.run([sys.executable, str(CLIENT), *words], check=False, capture_output=True).returncode


def test_the_client_follows_the_suites_protocol(
    server: Server, repository: Simulator, tmp_path: Path
) -> None:
    metadata, targets = tmp_path / "metadata", tmp_path / "targets"
    metadata.mkdir()
    targets.mkdir()
    (tmp_path / "root.json").write_bytes(repository.files["1.root.json"])
    here = ("--metadata-dir", str(metadata))
    there = (*here, "--metadata-url", f"{server.url}/metadata")
    assert client(*here, "init", str(tmp_path / "root.json")) == 0
    assert client(*there, "refresh") == 0
    assert sorted(path.name for path in metadata.iterdir()) == [
        "root.json",
        "snapshot.json",
        "targets.json",
        "timestamp.json",
    ]
    fetch = ("--target-dir", str(targets), "--target-base-url", f"{server.url}/targets", "download")
    assert client(*there, "--target-name", PATH, *fetch) == 0
    assert [path.read_bytes() for path in targets.iterdir()] == [CONTENT]
    assert client(*there, "--target-name", "models/other", *fetch) == 1
    repository.signers["timestamp"] = []
    repository.publish(bump=True)
    assert client(*there, "refresh") == 1


def test_every_expected_failure_has_its_reason() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()
    reason = ""
    for line in CLIENT.with_name("client.xfails").read_text().splitlines():
        if line.startswith("test_"):
            assert reason, f"{line} comes without a reason"
            assert line.partition("[")[0] in docs
        elif not line or line.startswith("#"):
            reason = line
