"""What is installed is what was locked, under known licences, and a known flaw stops a landing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from segment1b_assets_tests.docs_text import DOCS, REPOSITORY

CI = REPOSITORY / ".ci"
LOCK = REPOSITORY / "uv.lock"
KNOWN_BAD = ("jinja2", "2.4.1")


def locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads(LOCK.read_text("utf-8"))["package"]
    return [p for p in packages if p["source"] != {"editable": "."}]


def test_everything_is_locked_with_a_hash() -> None:
    assert len(locked()) > 100
    for package in locked():
        assert set(package["source"]) == {"registry"}, package["name"]
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        assert files, package["name"]
        assert all(f["hash"].startswith("sha256:") for f in files), package["name"]


def test_ci_installs_what_is_locked() -> None:
    for script in ("run", "nightly"):
        installs = [x for x in (CI / script).read_text("utf-8").splitlines() if "uv sync" in x]
        assert installs
        assert all("--locked" in line for line in installs)


# ---- licences -----------------------------------------------------------------------------


def test_the_page_of_licences_is_what_its_command_writes() -> None:
    ended = run("licences.py")
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert ended.stdout == (DOCS / "licences.md").read_text("utf-8")


def test_the_page_names_every_locked_package_with_its_version() -> None:
    page = (DOCS / "licences.md").read_text("utf-8")
    not_here = page.rsplit("and so not installed: ", 1)[1].strip().rstrip(".").split(", ")
    rows = {f"| {p['name']} | {p['version']} |" for p in locked() if p["name"] not in not_here}
    assert [row for row in sorted(rows) if row not in page] == []


def test_a_licence_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    # The command, over a package whose metadata say GPL, in front of the real one on the path.
    fake = tmp_path / "click-0.dist-info"
    fake.mkdir()
    (fake / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: click\nVersion: 0\nLicense-Expression: GPL-3.0-only\n"
    )
    ended = run("licences.py", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    assert "click" in ended.stderr
    assert "GPL-3.0-only is not on the allow list" in ended.stderr


# ---- known vulnerabilities ----------------------------------------------------------------


class Advisories:
    """An advisory source on loopback that speaks OSV's protocol, as pip-audit asks for it.

    Attributes:
        flaws: (name, version) -> advisory ids; None answers every question with status 503.
        asked: what was asked for.
    """

    def __init__(self, flaws: dict[tuple[str, str], list[str]] | None) -> None:
        self.asked: list[tuple[str, str]] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                key = (asked["package"]["name"], asked["version"])
                source.asked.append(key)
                self.send_response(503 if flaws is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer(key, (flaws or {}).get(key, []))).encode())

            def log_message(self, *said: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1/query"


def answer(key: tuple[str, str], ids: list[str]) -> dict[str, Any]:
    affected = {
        "package": {"name": key[0], "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
    }
    return {"vulns": [{"id": i, "summary": "bad", "affected": [affected]} for i in ids]}


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Advisories]:
    source = Advisories(request.param)
    thread = threading.Thread(target=source.server.serve_forever)
    thread.start()
    try:
        yield source
    finally:
        source.server.shutdown()
        thread.join()
        source.server.server_close()


def run(script: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CI / script), *words]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)


def audit(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run("audit.py", "--sources", "osv", *words, PIP_AUDIT_OSV_URL=url)


def version_of(name: str) -> str:
    return next(str(p["version"]) for p in locked() if p["name"] == name)


@pytest.mark.parametrize("served", [{KNOWN_BAD: ["PYSEC-1"]}], indirect=True)
def test_versions_without_a_known_flaw_pass(served: Advisories) -> None:
    ended = audit(served.url)
    assert (ended.returncode, ended.stderr) == (0, "")
    everything = {(p["name"], p["version"]) for p in locked()}
    assert set(served.asked) == everything | {KNOWN_BAD}
    assert f"{len(everything)} locked versions audited by osv: 0 known" in ended.stdout
    assert "NOT AUDITED" not in ended.stdout


@pytest.mark.parametrize(
    "served",
    [{KNOWN_BAD: ["PYSEC-1"], ("pyyaml", version_of("pyyaml")): ["PYSEC-2", "PYSEC-3"]}],
    indirect=True,
)
def test_a_known_flaw_stops_the_landing(served: Advisories) -> None:
    ended = audit(served.url)
    assert ended.returncode == 1
    for flaw in ("PYSEC-2", "PYSEC-3"):
        assert f"pyyaml {version_of('pyyaml')}: {flaw}, fixed in 99.1" in ended.stdout


@pytest.mark.parametrize("served", [{}, None], ids=["knows nothing", "is down"], indirect=True)
def test_a_source_that_knows_nothing_is_no_clean_bill(served: Advisories) -> None:
    ended = audit(served.url)
    assert ended.returncode == 0
    assert "NOT AUDITED: no advisory source reachable" in ended.stdout
    assert "locked versions audited" not in ended.stdout


def test_without_a_network_it_says_so_and_does_not_fail() -> None:
    ended = audit("http://127.0.0.1:1/v1/query")
    assert ended.returncode == 0
    assert "NOT AUDITED: no advisory source reachable" in ended.stdout


@pytest.mark.parametrize("served", [{KNOWN_BAD: ["PYSEC-1"]}], indirect=True)
def test_an_audit_that_breaks_is_no_lack_of_network(served: Advisories, tmp_path: Path) -> None:
    # One name that no package can have: pip-audit gives up, though its source is there.
    spoiled = tmp_path / "uv.lock"
    shutil.copy(LOCK, spoiled)
    text = spoiled.read_text("utf-8").replace('name = "affine"', 'name = "aff ine"', 1)
    spoiled.write_text(text, "utf-8")
    ended = audit(served.url, "--lock", str(spoiled))
    assert ended.returncode == 1
    assert "answers, but gave no report" in ended.stdout
