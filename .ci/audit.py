"""Asks advisory sources whether a locked version has a known vulnerability; status 1 if one has.

    python .ci/audit.py [--lock uv.lock] [--sources pypi,osv]

A machine without a network lands changes too: where no source answers, this says NOT AUDITED and
ends with status 0. But a source that says nothing bad about anything must not pass for a clean
bill (package mirrors answer like that: pip-audit skips every package and reports success). So each
source is first asked about a release that is known to be bad; one that does not know it is none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

#: A release with published vulnerabilities (CVE-2014-1402 and later ones): known for good.
KNOWN_BAD = "jinja2==2.4.1"
#: Advisory -> why it does not concern us. Ask again at every change of the lock.
ACCEPTED: dict[str, str] = {}

Report = dict[str, dict[str, Any]]


def locked(lock: Path) -> list[str]:
    """name==version of everything that the lock takes from a registry, for whatever platform."""
    packages = tomllib.loads(lock.read_text("utf-8"))["package"]
    return [f"{p['name']}=={p['version']}" for p in packages if "registry" in p["source"]]


def asked(source: str, requirements: list[str]) -> Report | None:
    """pip-audit's verdict per package, or None where the source gave none."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{r}\n" for r in requirements), "utf-8")
        # Its own cache: an answer of yesterday must not make a source look reachable.
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", str(listed), "--no-deps",
            "--disable-pip", "--format", "json", "--vulnerability-service", source,
            "--progress-spinner", "off", "--timeout", "10", "--cache-dir", f"{folder}/cache",
        ]  # fmt: skip
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
            rows = json.loads(ended.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return None
    return {row["name"]: row for row in rows}


def knows(source: str) -> bool:
    """Whether a source answers, and with vulnerabilities where there are some."""
    report = asked(source, [KNOWN_BAD]) or {}
    return any(row.get("vulns") for row in report.values())


def main() -> int:
    """Audit with the first source that knows; say what could not be audited."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lock", type=Path, default=Path(__file__).parents[1] / "uv.lock")
    parser.add_argument("--sources", default="pypi,osv")
    options = parser.parse_args()
    requirements = locked(options.lock)
    for source in options.sources.split(","):
        if not knows(source):
            print(f"audit: {source} is no advisory source from here")
            continue
        report = asked(source, requirements)
        if report is None:
            if knows(source):
                print(f"audit: {source} answers, but gave no report on {options.lock}")
                return 1
            continue
        return judged(source, report)
    print("audit: NOT AUDITED: no advisory source reachable. Nobody has looked for known")
    print(f"audit: vulnerabilities in the {len(requirements)} locked versions; run .ci/audit.py")
    print("audit: on a machine with a network.")
    return 0


def judged(source: str, report: Report) -> int:
    """Print every vulnerability and every package that the source does not know."""
    found = 0
    for name, row in report.items():
        if "skip_reason" in row:
            print(f"audit: NOT AUDITED: {name}: {row['skip_reason']}")
        for flaw in row.get("vulns", []):
            if flaw["id"] in ACCEPTED:
                print(f"audit: {name} {row['version']}: {flaw['id']}: {ACCEPTED[flaw['id']]}")
                continue
            found += 1
            fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
            print(f"audit: {name} {row['version']}: {flaw['id']}, fixed in {fixed}")
    audited = sum("skip_reason" not in row for row in report.values())
    print(f"audit: {audited} locked versions audited by {source}: {found} known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
