"""A real S3 server on loopback, in a process of its own: moto's, with the traits that tests need.

Run as a module it serves; imported it starts and stops one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segment1b_assets_tests.child_processes import free_port, running
from segment1b_assets_tests.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[1]
KEY_ID = "AKIATESTONLYKEYIDSEEN"
SECRET = "secretThatMustNeverBeSeenAnywhere0123456"
#: Header of a request to the server itself -> the trait it sets.
TRAITS = "/server-traits/"


@dataclass
class Server:
    """A running server and its address."""

    url: str
    process: subprocess.Popen[bytes]

    def environment(self, mirror: Path, secret: str = SECRET) -> dict[str, str]:
        """The variables with which a client finds it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "SEGMENT1B_MIRROR": str(mirror),
        }

    def trait(self, name: str, value: str) -> None:
        """Set `slow` (seconds a write takes), `deny` (1: refuse all), `blind` (1: no conditions),
        `blind_parts` (1: none where an upload in parts is completed), `conflicts` (how many writes
        on a condition are answered with a conflict) or `only` (a part of a key: other writes are
        neither slowed nor in conflict); empty is off."""
        urllib.request.urlopen(f"{self.url}{TRAITS}{name}={value}", timeout=60).close()

    def writes(self) -> list[str]:
        """What was put, copied or deleted since the last call: "METHOD /bucket/key"."""
        with urllib.request.urlopen(f"{self.url}{TRAITS}writes=", timeout=60) as answer:
            return [line for line in answer.read().decode().splitlines() if line]

    def requests(self) -> int:
        """Requests served so far."""
        with urllib.request.urlopen(f"{self.url}{TRAITS}requests=", timeout=60) as answer:
            return int(answer.read())

    def make_bucket(self, bucket: str) -> None:
        request = urllib.request.Request(f"{self.url}/{bucket}", method="PUT")
        urllib.request.urlopen(request, timeout=60).close()


@contextlib.contextmanager
def s3_server(log: Path) -> Iterator[Server]:
    """A server for the duration of a block."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with running(
        sys.executable, "-W", "ignore", "-m", __name__, str(port),
        log=log, env=environment, cwd=REPOSITORY,
    ) as process:  # fmt: skip
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for("the S3 server", lambda: _answers(server, log))
        yield server


def _answers(server: Server, log: Path) -> bool | None:
    assert server.process.poll() is None, log.read_text()
    try:
        server.requests()
    except (urllib.error.URLError, ConnectionError):
        return None
    return True


class Traits:
    """moto's application behind switches, set by requests of their own."""

    def __init__(self, served: Callable[..., Iterable[bytes]]) -> None:
        self._served = served
        self._set: dict[str, str] = {}
        self._writes: list[str] = []
        self._requests = 0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path.startswith(TRAITS):
            name, _, value = path.removeprefix(TRAITS).partition("=")
            return self._answer(name, value, start)
        writes = environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE")
        with self._lock:
            self._requests += 1
            if writes:
                self._writes.append(f"{environ['REQUEST_METHOD']} {path}")
        if self._set.get("deny"):
            # As S3 words it: the refusal quotes the key's id.
            body = f"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>{KEY_ID}"
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [f"{body}</AWSAccessKeyId></Error>".encode()]
        if writes and self._set.get("only", "") in path:
            time.sleep(float(self._set.get("slow") or 0))
        condition = environ.get("HTTP_IF_NONE_MATCH") is not None
        with self._lock:
            conflicts = int(self._set.get("conflicts") or 0)
            if conflict := condition and conflicts > 0 and self._set.get("only", "") in path:
                self._set["conflicts"] = str(conflicts - 1)
        if conflict:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("409 Conflict", [("Content-Type", "application/xml")])
            return [b"<Error><Code>ConditionalRequestConflict</Code></Error>"]
        completes = environ["REQUEST_METHOD"] == "POST"
        if self._set.get("blind") or (self._set.get("blind_parts") and completes):
            environ.pop("HTTP_IF_NONE_MATCH", None)
        return self._served(environ, start)

    def _answer(self, name: str, value: str, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        if name == "requests":
            return [str(self._requests).encode()]
        if name == "writes":
            with self._lock:
                told, self._writes = self._writes, []
            return ["\n".join(told).encode()]
        self._set[name] = value
        return [b""]


def serve(port: int) -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    run_simple(
        "127.0.0.1", port, Traits(DomainDispatcherApplication(create_backend_app)), threaded=True
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]))
