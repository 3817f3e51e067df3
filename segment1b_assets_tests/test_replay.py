"""docs/replay.py, which shares no line with the package, agrees with what the package publishes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from segment1b_assets_tests.site_files import (
    COUNTRY,
    GRID,
    IDENTITY,
    PLAN,
    SHAPE,
    SiteFiles,
    make_site_files,
    with_value,
)

SCRIPT = Path(__file__).parents[1] / "docs" / "replay.py"


@pytest.fixture(scope="module", params=["uniform_v1", "uniform_v2"])
def root(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A data root with all that the script reads, under either mode of S6."""
    files = make_site_files(tmp_path_factory.mktemp("states"), request.param)
    root = tmp_path_factory.mktemp("root")
    policies = root / "config/layer1/1B/policy"
    policies.mkdir(parents=True)
    (policies / "policy.s6.jitter.yaml").write_text(f"policy_version: 1\nmode: {request.param}\n")
    run = f"manifest_fingerprint={IDENTITY.manifest_fingerprint}/country={COUNTRY}"
    seed, ph = f"seed={IDENTITY.seed}", f"parameter_hash={IDENTITY.parameter_hash}"
    for dataset, tokens in (("s4_alloc_plan", f"{seed}/{ph}"), ("site_locations", seed)):
        shutil.copytree(files.folder(dataset), root / "layer1/1B" / dataset / tokens / run)
    (policies / "policy.s4.alloc_plan.yaml").write_text("policy_version: 1\nenabled: false\n")
    spatial = root / "reference/spatial"
    (spatial / "population/2025").mkdir(parents=True)
    (spatial / "world_countries/2024").mkdir(parents=True)
    with rasterio.open(
        spatial / "population/2025/population.tif", "w", driver="GTiff", dtype="float32", count=1,
        width=GRID.ncols, height=GRID.nrows, crs="EPSG:4326",
        transform=Affine(GRID.a, 0, GRID.c, 0, GRID.e, GRID.f),
    ) as raster:  # fmt: skip
        raster.write(np.ones((1, GRID.nrows, GRID.ncols), np.float32))
    table = pa.table({"country_iso": [COUNTRY], "geom": [shapely.to_wkb(SHAPE)]})
    pq.write_table(table, spatial / "world_countries/2024/world_countries.parquet")
    return root


def replay(root: Path, merchant: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(root), COUNTRY, str(merchant)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("merchant", PLAN)
def test_agrees(root: Path, merchant: int) -> None:
    done = replay(root, merchant)
    sites = sum(n for _, n in PLAN[merchant])
    assert done.stdout.endswith(f"{sites} sites, all agree\n"), done.stderr
    assert done.stdout.count("\nsite ") + 1 == sites
    assert done.returncode == 0


def test_tells_a_changed_coordinate(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "copy")
    (file,) = (tmp_path / "copy").glob("layer1/1B/site_locations/*/*/*/part-00000.parquet")
    table = pq.ParquetFile(file).read()
    value = np.nextafter(table.column("lon_deg")[0].as_py(), 180.0)
    pq.write_table(with_value(table, "lon_deg", 0, value), file)
    done = replay(tmp_path / "copy", SiteFiles(root).outlets().merchant_id[0])
    assert done.stdout.endswith("THEY DIFFER\n")
    assert done.returncode == 1
