"""The web UI behind the proxy of docs/security.md, and where it listens without one."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from segment1b_assets_tests.child_processes import free_port, running
from segment1b_assets_tests.dagster_support import small_world
from segment1b_assets_tests.docs_text import DOCS, blocks
from segment1b_assets_tests.live_dagster import REPOSITORY
from segment1b_assets_tests.waiting import wait_for

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]
HOST = "segment1b.example.org"
USER = "Basic " + base64.b64encode(b"ann:open sesame").decode()


@dataclass(frozen=True)
class Guarded:
    """A webserver that was told a port and no host, and the proxy in front of it."""

    server: subprocess.Popen[bytes]
    port: int
    proxy_port: int
    tls: ssl.SSLContext
    prefix: str

    def status(self, path: str, **headers: str) -> int:
        """The status that the proxy gives to a GET."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.proxy_port}{self.prefix}{path}",
            headers={"Host": HOST, **{k.replace("_", "-"): v for k, v in headers.items()}},
        )
        try:
            with urllib.request.urlopen(request, timeout=120, context=self.tls) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as err:
            return err.code

    def acknowledged(self, **headers: str) -> str:
        """What a websocket is answered when it introduces itself."""
        with connect(
            f"wss://{HOST}:{self.proxy_port}{self.prefix}/graphql",
            sock=socket.create_connection(("127.0.0.1", self.proxy_port), 60),
            ssl=self.tls,
            subprotocols=["graphql-ws"],  # type: ignore[list-item]
            additional_headers=headers,
        ) as websocket:
            websocket.send(json.dumps({"type": "connection_init"}))
            return str(json.loads(websocket.recv(60))["type"])


@pytest.fixture(scope="module", params=["", "/segment1b"], ids=["at the top", "under a path"])
def guarded(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Guarded]:
    prefix: str = request.param
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None or shutil.which("openssl") is None:
        pytest.skip("needs Debian's nginx and openssl: apt-get install nginx openssl")
    folder = tmp_path_factory.mktemp("guarded")
    small_world(folder / "root")
    port, proxy_port = free_port(), free_port()
    environment = {
        **os.environ, "DAGSTER_HOME": str(folder), "SEGMENT1B_ROOT": str(folder / "root"),
        "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    webserver = Path(sys.executable).parent / "dagster-webserver"
    with (
        running(
            webserver, "-p", str(port), "--path-prefix", prefix,
            log=folder / "web.log", cwd=folder, env=environment,
        ) as web,
        running(
            nginx, "-p", folder, "-c", configured(folder, port, proxy_port, prefix),
            log=folder / "nginx.log",
        ),
    ):  # fmt: skip
        tls = ssl.create_default_context(cafile=str(folder / "segment1b.crt"))
        tls.check_hostname = False
        up = Guarded(web, port, proxy_port, tls, prefix)

        def answers() -> bool | None:
            with contextlib.suppress(OSError):
                return True if up.status("/server_info", Authorization=USER) == 200 else None
            return None

        wait_for("the webserver behind the proxy", answers, 600)
        yield up


def configured(folder: Path, port: int, proxy_port: int, prefix: str) -> Path:
    """nginx' main file around the page's own block, with our paths and ports."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
         "-keyout", folder / "segment1b.key", "-out", folder / "segment1b.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    word = subprocess.run(
        ["openssl", "passwd", "-apr1", "open sesame"], check=True, capture_output=True, text=True
    ).stdout
    (folder / "segment1b.users").write_text(f"ann:{word}")
    block, under_a_path = blocks(DOCS / "security.md", "nginx")
    if prefix:
        assert f"location {prefix} " in under_a_path
        block = block[: block.index("    location / ")] + under_a_path
    block = block.replace("/etc/nginx/", f"{folder}/").replace("listen 443", f"listen {proxy_port}")
    assert "127.0.0.1:3000" in block
    block = block.replace("127.0.0.1:3000", f"127.0.0.1:{port}")
    block = block.replace(f"https://{HOST}", f"https://{HOST}:{proxy_port}")
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    # Started by root, its workers would become somebody who may not read the test's folder.
    user = "user root;\n" if os.getuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log {folder}/access.log;\n{kept}{block}\n}}\n"
    )
    return main


def test_nobody_gets_in_without_a_password(guarded: Guarded) -> None:
    wrong = "Basic " + base64.b64encode(b"ann:guess").decode()
    for path in ("/", "/graphql?query={version}", "/server_info"):
        assert guarded.status(path) == 401
        assert guarded.status(path, Authorization=wrong) == 401
        assert guarded.status(path, Authorization=USER) == 200
    with pytest.raises(InvalidStatus, match="401"):
        guarded.acknowledged()


def test_live_updates_pass_the_proxy(guarded: Guarded) -> None:
    own = f"https://{HOST}:{guarded.proxy_port}"
    assert guarded.acknowledged(Authorization=USER, Origin=own) == "connection_ack"


def test_another_sites_page_asks_in_vain(guarded: Guarded) -> None:
    mutation = "/graphql?" + urllib.parse.urlencode({"query": "mutation { __typename }"})
    # A browser adds the password of a signed-in user to what any page asks for.
    own = f"https://{HOST}:{guarded.proxy_port}"
    assert guarded.status(mutation, Authorization=USER, Origin=own) == 200
    assert guarded.status(mutation, Authorization=USER, Origin="https://evil.example") == 403
    assert guarded.status(mutation, Authorization=USER, Sec_Fetch_Site="cross-site") == 403
    assert guarded.status("/", Authorization=USER, Sec_Fetch_Site="cross-site") == 200  # a link
    with pytest.raises(InvalidStatus, match="403"):
        guarded.acknowledged(Authorization=USER, Origin="https://evil.example")


def test_without_a_host_it_listens_on_loopback_only(guarded: Guarded) -> None:
    # The code server belongs to it, and takes a moment to start.
    def heard() -> set[str] | None:
        tree = psutil.Process(guarded.server.pid)
        everybody = [tree, *tree.children(recursive=True)]
        if len(everybody) < 2:
            return None
        return {
            found.laddr.ip
            for process in everybody
            for found in process.net_connections("inet")
            if found.status == psutil.CONN_LISTEN
        }

    time.sleep(1)
    assert wait_for("the webserver's processes", heard) == {"127.0.0.1"}
