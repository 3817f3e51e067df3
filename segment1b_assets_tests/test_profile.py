"""``segment1b run --profile``: where the workers' time went, by dataset and by country."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment1b_assets.cli import group
from segment1b_assets_tests.dagster_support import FIVE, small_world
from segment1b_assets_tests.run_support import use_history


def test_a_profile_has_a_page_a_dataset_and_a_row_a_country(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_history(monkeypatch, tmp_path / "home")
    small_world(tmp_path / "root")
    words = ["run", "--root", str(tmp_path / "root"), "--states", "s1..s2", "--workers", "2"]
    words += ["--countries", ",".join(FIVE)]
    profiled = CliRunner().invoke(group, [*words, "--profile", str(tmp_path / "profile")])
    assert profiled.exit_code == 0, profiled.output

    with (tmp_path / "profile" / "countries.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for dataset in ("tile_index", "tile_bounds", "tile_weights"):
        page = (tmp_path / "profile" / f"{dataset}.html").read_text("utf-8")
        # What the workers did, not what the main thread waited for.
        assert "publish_partitions.py" in page
        assert sorted(r["country"] for r in rows if r["activity"] == dataset) == FIVE
    seconds = [float(r["wall_seconds"]) for r in rows]
    assert seconds == sorted(seconds, reverse=True)
    assert min(seconds) > 0

    # Switched off again: the next run adds nothing.
    again = CliRunner().invoke(group, words)
    assert again.exit_code == 0, again.output
    other = CliRunner().invoke(group, [*words, "--profile", str(tmp_path / "other")])
    assert other.exit_code == 0, other.output
    lines = (tmp_path / "other" / "countries.csv").read_text().splitlines()
    assert len(lines) == len(rows) + 1
