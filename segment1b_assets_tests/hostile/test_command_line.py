"""Bad input at the command line: exit status 1, one line with code, file, value and next step."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from segment1b_assets_tests.hostile import bundle_1a, catalogue, files, policies, polygons, raster
from segment1b_assets_tests.hostile.laboratory import COUNTRIES, Lab, build_world

PATIENCE = 120


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    status: int
    text: str


def segment1b(lab: Lab, *arguments: str, **environment: str) -> Said:
    """Run the real command on a world."""
    home = lab.root.parent / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "segment1b_assets.cli", *arguments, "--root", str(lab.root)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "DAGSTER_HOME": str(home), "COLUMNS": "4000", **environment},
    )
    return Said(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    root = tmp_path / "root"
    return Lab(root, build_world(root))


Spoil = Callable[[Lab], object]
SOME = ("--countries", ",".join(COUNTRIES))

#: name, how the world is spoiled, arguments, code, words that must be said.
CASES: list[tuple[str, Spoil, tuple[str, ...], str, tuple[str, ...]]] = [
    (
        "a country in lower case",
        lambda lab: None,
        ("run", "--countries", "fk"),
        "E005_ISO_FK",
        ("'fk'", "did you mean FK?"),
    ),
    (
        "an unknown country",
        lambda lab: None,
        ("run", "--countries", "XX"),
        "E005_ISO_FK",
        ("'XX'", "iso3166.parquet"),
    ),
    (
        "states that run backwards",
        lambda lab: None,
        ("run", "--states", "s4..s1"),
        "Usage",
        ("'s4..s1'", "s1..s4"),
    ),
    (
        "an ISO list cut in half",
        lambda lab: files.half(lab.iso),
        ("run", *SOME),
        "E_INPUT_SCHEMA",
        ("iso3166.parquet",),
    ),
    (
        "a tampered flag",
        bundle_1a.changed_after,
        ("run", *SOME, "--states", "s0"),
        "E_FLAG_BAD",
        ("_passed.flag", "ask its owner"),
    ),
    (
        "an index path with ..",
        bundle_1a.another("../x"),
        ("run", *SOME, "--states", "s0"),
        "E_INDEX_BAD",
        ("'../x'", "index.json"),
    ),
    (
        "a rotated raster",
        raster.turned(lambda a: a @ a.rotation(10)),
        ("run", *SOME, "--states", "s1"),
        "E002_RASTER_MISMATCH",
        ("rotated", "population.tif"),
    ),
    (
        "a raster in EPSG:3857",
        raster.rewritten(crs="EPSG:3857"),
        ("run", *SOME, "--states", "s1"),
        "E007_CRS_MISMATCH",
        ("3857",),
    ),
    (
        "a polygon that crosses itself",
        polygons.geometry(polygons.bow_tie),
        ("run", *SOME, "--states", "s1"),
        "E001_GEO_INVALID",
        ("S1 FK E001", "Self-intersection", "2 countries, 1 failed"),
    ),
    (
        "negative population",
        raster.one_value(-7.0),
        ("run", *SOME, "--states", "s1..s2"),
        "E105_NORMALIZATION",
        ("S2 FK E105", "value: -7.0"),
    ),
    (
        "an unknown policy key",
        policies.written("s1.tile_index", policies.V + "surprise: 1\n"),
        ("run", *SOME, "--states", "s1"),
        "E_POLICY_INVALID",
        ("surprise", "policy.s1.tile_index.yaml"),
    ),
    (
        "two catalogues",
        catalogue.second_catalogue,
        ("run", *SOME, "--states", "s0"),
        "E_INPUT_MISSING",
        ("seed=7", "--seed"),
    ),
    (
        "a gap in site_order",
        catalogue.rows(catalogue.gap),
        ("run", *SOME, "--states", "s0..s3"),
        "E314_SITE_ORDER_INTEGRITY",
        ("S3 FK E314", "value: 3 |"),
    ),
    (
        "a gate without a bundle",
        lambda lab: None,
        ("gate",),
        "E_FLAG_BAD",
        ("next step",),
    ),
    (
        "a root that is not there",
        lambda lab: lab.root.rename(lab.root.with_name("elsewhere")),
        ("status",),
        "--root",
        ("is not a folder",),
    ),
]


#: A process each; that states say the same is in test_corpus.py.
NIGHTLY = {
    "a tampered flag",
    "an index path with ..",
    "a rotated raster",
    "a raster in EPSG:3857",
    "negative population",
    "a gap in site_order",
}


@pytest.mark.timeout(PATIENCE + 60)
@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "words"),
    [
        pytest.param(*c[1:], id=c[0], marks=[pytest.mark.nightly] if c[0] in NIGHTLY else [])
        for c in CASES
    ],
)
def test_the_command_says_what_is_wrong_and_exits_with_a_status(
    spoil: Spoil, arguments: tuple[str, ...], code: str, words: tuple[str, ...], lab: Lab
) -> None:
    spoil(lab)

    said = segment1b(lab, *arguments)

    assert said.status in (1, 2)
    assert "Traceback" not in said.text
    flat = " ".join(said.text.replace("│", " ").split())
    for word in (code, *words):
        assert word in flat, said.text


@pytest.mark.timeout(PATIENCE + 60)
@pytest.mark.parametrize(
    "epoch",
    [
        "yesterday",
        pytest.param("-62135596795", marks=pytest.mark.nightly),
        pytest.param("99999999999999999", marks=pytest.mark.nightly),
    ],
)
def test_a_clock_that_is_none_is_told_and_writes_no_receipt(epoch: str, lab: Lab) -> None:
    said = segment1b(lab, "run", *SOME, "--states", "s0", SOURCE_DATE_EPOCH=epoch)

    assert said.status == 1
    flat = " ".join(said.text.split())
    assert "E_POLICY_INVALID: the variable SOURCE_DATE_EPOCH must be whole seconds" in flat
    assert f"value: '{epoch}'" in flat
    assert not lab.receipt.exists()


@pytest.mark.timeout(PATIENCE + 60)
def test_a_failed_country_is_told_once_and_a_whole_run_ends_with_its_flag(lab: Lab) -> None:
    whole = segment1b(lab, "run", *SOME, "--states", "s0..s9")
    assert whole.status == 0, whole.text
    assert "S9 PASS seed=" in whole.text

    polygons.geometry(polygons.bow_tie)(lab)
    said = segment1b(lab, "run", *SOME, "--states", "s1..s3")
    assert said.status == 1
    assert "S9 PASS" not in said.text
    # S2 and S3 leave FK out for S1's reason, which is not said again.
    assert said.text.partition("what failed")[2].count("E001_GEO_INVALID") == 1
