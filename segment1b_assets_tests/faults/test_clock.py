"""A clock that jumps: no published byte follows it, and no left-over outlives it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.staging import STAGING
from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.faults.conftest import LONG, Undisturbed

FAR_AHEAD, LONG_AGO = 4_000_000_000, 86_400


@pytest.mark.timeout(LONG)
def test_a_clock_that_jumps_between_states_changes_no_byte(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """S0 at the usual time; S1 to S4 in the year 2096, S5 to S8 in 1970; files dated likewise."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    for states, epoch in (
        (runs.STATES[:1], runs.EPOCH),
        (runs.STATES[:5], str(FAR_AHEAD)),
        (runs.STATES, str(LONG_AGO)),
    ):
        run = runs.start(root, tmp_path / "home", states, environment={"SOURCE_DATE_EPOCH": epoch})
        assert run.end() == 0, run.text()
        for path in root.rglob("*"):
            os.utime(path, (int(epoch), int(epoch)))
    assert runs.tree(root) == undisturbed.whole
    (receipt,) = (root / "layer1/1B").rglob("s0_gate_receipt.json")
    assert json.loads(receipt.read_bytes())["verified_at_utc"] == "2023-11-14T22:13:20.000000Z"


@pytest.mark.parametrize("moment", [LONG_AGO, FAR_AHEAD])
def test_left_overs_of_another_time_are_swept(moment: int, tmp_path: Path) -> None:
    root = DataRoot(tmp_path)
    for name in ("new-0123", "4567"):
        area = tmp_path / STAGING / name
        (area / "work").mkdir(parents=True)
        (area / "work" / "half.parquet").write_bytes(b"PAR1")
        if not name.startswith("new"):
            (area / "held.lock").touch()
        os.utime(area, (moment, moment))
    left_over = tmp_path / STAGING / "temporary-89ab"
    left_over.write_bytes(b"{")
    os.utime(left_over, (moment, moment))

    lockless = tmp_path / STAGING / "cdef"
    lockless.mkdir()
    os.utime(lockless, (moment, moment))

    assert root.sweep_staging() == 4
    assert runs.left_over(tmp_path) == []
