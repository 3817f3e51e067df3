"""What the tests of whole runs share: a history of their own, runs, and trees of checksums."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from numpy._core import _multiarray_umath

from segment1b_assets.command_line.dagster_run import Outcome, run_states
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs

#: With the event log of our own dagster.yaml: half of a small run's time is Dagster's own SQLite.
HISTORY = """\
telemetry: {enabled: false}
python_logs: {python_log_level: CRITICAL}
event_log_storage:
  module: segment1b_assets.automation.event_log_storage
  class: WarmSqliteEventLogStorage
  config: {}
"""
#: What numpy and the C library then do without: their sines end in other digits.
PLAIN_PROCESSOR = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(_multiarray_umath.__cpu_dispatch__),
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-FMA,-FMA4",
}
ALL_STATES = tuple(f"S{n}" for n in range(10))


def use_history(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """A Dagster home of the test's own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(HISTORY)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def run(
    root: Path | str,
    countries: Sequence[str],
    states: Sequence[str] = ALL_STATES,
    workers: int = 1,
    batch_rows: int = 1 << 20,
) -> Outcome:
    """One run as the command line starts it."""
    config: dict[str, object] = {"root": str(root), "workers": workers, "batch_rows": batch_rows}
    inputs = open_run_inputs(RunOptions(root, batch_rows=batch_rows))
    return run_states(states, sorted(countries), config, inputs)


def published(root: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of everything published: data, bundle, logs; not reports."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("layer1/1B", "logs")
        for path in sorted((root / top).rglob("*"))
        if path.is_file()
    }


def copy_world(source: Path, target: Path) -> Path:
    """A copy of a world's inputs, without anything that was made from them."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("1B", "logs", "reports"))
    # The policies lie in a folder that is called 1B, too.
    shutil.copytree(source / "config", target / "config", dirs_exist_ok=True)
    return target
