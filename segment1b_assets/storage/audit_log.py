"""The RNG audit log: one row per run (contract §5)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.run_inputs import RunInputs


def write_audit_log(inputs: RunInputs) -> None:
    """Write the run's row unless there is one: the row of the first machine that drew stays."""
    target = inputs.path("rng_audit_log")
    if inputs.root.exists(target):
        return
    row = {
        "ts_utc": inputs.receipt.verified_at_utc,
        **inputs.identity.tokens,
        "seed": inputs.identity.seed,
        "algorithm": "philox2x64-10",
        "build_commit": build_commit(),
        "platform": f"{platform.system()}-{platform.machine()}-python{platform.python_version()}",
    }
    line = (json.dumps(row) + "\n").encode()
    with_retries(
        "the RNG audit log", lambda: inputs.root.publish_once(target, line, "rng_audit_log")
    )


def build_commit() -> str:
    """The commit of this code: $SEGMENT1B_BUILD_COMMIT, else git's HEAD, else "unknown"."""
    if named := os.environ.get("SEGMENT1B_BUILD_COMMIT"):
        return named
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()
