"""`segment1b check-inputs`: every fault at once; and from three foreign files to a flag."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
import rasterio
from affine import Affine

from segment1b_assets.contracts.starting_files import listed_countries, starting_policies
from segment1b_assets.definitions import definitions
from segment1b_assets.reader import read_site_locations
from segment1b_assets_tests.dagster_support import run_config
from segment1b_assets_tests.import_support import FAULTY, segment1b, write_raster, write_vector

REPOSITORY = Path(__file__).parents[1]
BIG = (1 << 63) + 11


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root from three foreign files, by the commands alone."""
    tmp_path = tmp_path_factory.mktemp("imported")
    root = tmp_path / "root"
    segment1b("init", root)
    borders = write_vector(tmp_path / "borders.gpkg", FAULTY)
    segment1b("import", "polygons", borders, "--root", root)
    x, y = np.meshgrid(np.arange(-899.5, 900) * 2e4, np.arange(449.5, -450, -1) * 2e4)
    people = np.random.default_rng(1).uniform(1, 500, x.shape).astype(np.float32)
    people[(x / 18040095.7) ** 2 + (y / 9020047.85) ** 2 >= 1] = -200
    raster = write_raster(
        tmp_path / "people.tif", people, Affine(2e4, 0, -180e5, 0, -2e4, 90e5), crs="ESRI:54009",
        nodata=-200,
    )  # fmt: skip
    segment1b("import", "raster", raster, "--root", root, "--cells-per-degree", "5")
    merchants = tmp_path / "merchants.csv"
    merchants.write_text(f"merchant_id,country,n\n{BIG},LUX,12\n{BIG},FJ,3\n5,BE,4\n")
    segment1b("import", "outlets", merchants, "--root", root, "--sites", "n")
    return root


@pytest.fixture
def root(tmp_path: Path, imported: Path) -> Path:
    return Path(shutil.copytree(imported, tmp_path / "root"))


def test_three_foreign_files_pass_the_gate(root: Path) -> None:
    assert "every input is in order" in segment1b("check-inputs", "--root", root).output
    segment1b("run", "--root", root, "--countries", "LU,FJ,BE", "--states", "s0..s9")
    assert "PASS" in segment1b("gate", "--root", root).output
    sites = read_site_locations(root).collect()
    assert sites.height == 19
    fiji = sites.filter(pl.col("legal_country_iso") == "FJ")
    assert fiji["merchant_id"].to_list() == [BIG] * 3
    assert (fiji["lon_deg"].abs() >= 179).all()


def test_everything_wrong_is_named_at_once(root: Path) -> None:
    policy = root / "config/layer1/1B/policy"
    (policy / "policy.s2.tile_weights.yaml").write_text("policy_version: 1\ndp: 99\n")
    (policy / "policy.s6.jitter.yaml").unlink()
    (bundle,) = (root / "layer1/1A/validation").iterdir()
    manifest = bundle / "MANIFEST.json"
    manifest.write_text(json.dumps({"segment": "1A"}))
    with (root / "reference/spatial/population/2025/population.tif").open("r+b") as raster:
        raster.truncate(2000)
    result = segment1b("check-inputs", "--root", root, status=1)
    for said in ("E_POLICY_INVALID", "key 'dp'", "policy.s6.jitter", "E_FLAG_BAD", "E002_RASTER"):
        assert said in result.output, result.output
    assert "4 faults" in result.output
    assert result.output.count("next step: ") == 4


def test_the_inputs_checks_say_the_same_in_dagster(root: Path) -> None:
    job = definitions.resolve_job_def("check_inputs")

    def verdicts() -> dict[str, dg.AssetCheckEvaluation]:
        with dg.DagsterInstance.ephemeral() as instance:
            done = job.execute_in_process(instance=instance, run_config=run_config(root))
        return {e.asset_key.path[-1]: e for e in done.get_asset_check_evaluations()}

    good = verdicts()
    assert len(good) == 10
    assert all(e.passed for e in good.values())
    policy = root / "config/layer1/1B/policy/policy.s2.tile_weights.yaml"
    policy.write_text("policy_version: 1\ndp: 99\n")
    with (root / "reference/spatial/population/2025/population.tif").open("r+b") as raster:
        raster.truncate(2000)
    broken = {name: e for name, e in verdicts().items() if not e.passed}
    assert set(broken) == {"policy_s2_tile_weights", "population_raster_2025"}
    (row,) = broken["policy_s2_tile_weights"].metadata["table"].records
    assert row.data["code"] == "E_POLICY_INVALID"
    assert row.data["file"] == str(policy)


@pytest.mark.parametrize(
    ("pixel", "nodata"),
    [
        # One unit in the last place apart: GDAL's own mask takes them for the same, S2 does not.
        (np.float32(-3.4028235e38), -3.4028230607370965e38),
        # Beyond 2^53, where a float is not the pixel.
        (np.int64(-(2**62) - 1), -(2**62)),
    ],
)
def test_a_value_that_only_resembles_nodata_is_named_as_s2_names_it(
    root: Path, pixel: np.generic, nodata: float
) -> None:
    path = root / "reference/spatial/population/2025/population.tif"
    with rasterio.open(path) as raster:
        people, profile = raster.read(1).astype(pixel.dtype), raster.profile
    people[3, 5] = pixel
    profile.update(dtype=pixel.dtype, nodata=nodata, predictor=1)
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(people, 1)
    result = segment1b("check-inputs", "--root", root, status=1)
    assert "1 cells are negative or infinite, the first at row 3, column 5" in result.output
    assert f"declare {pixel.item()} as nodata" in result.output


def test_a_country_with_outlets_and_no_polygon_is_named(tmp_path: Path, root: Path) -> None:
    merchants = tmp_path / "more.csv"
    merchants.write_text("merchant_id,country\n1,LU\n2,SG\n3,SG\n")
    segment1b("import", "outlets", merchants, "--root", root, "--replace")
    result = segment1b("check-inputs", "--root", root, status=1)
    assert "E303_MISSING_WEIGHTS [SG]: has 2 outlets and no polygon" in result.output


def test_an_empty_root_says_what_to_put_where(tmp_path: Path) -> None:
    segment1b("init", tmp_path / "new")
    result = segment1b("check-inputs", "--root", tmp_path / "new", status=1)
    assert result.output.count("E_INPUT_MISSING") == 3
    again = segment1b("init", tmp_path / "new")
    assert "written" not in again.output


def test_a_new_root_starts_as_the_embedded_world_does(tmp_path: Path) -> None:
    segment1b("init", tmp_path / "new")
    iso = "reference/iso/iso3166_canonical/2024-12-31/iso3166.parquet"
    assert (tmp_path / "new" / iso).read_bytes() == (REPOSITORY / "data" / iso).read_bytes()
    for name, content in starting_policies().items():
        path = f"config/layer1/1B/policy/{name}.yaml"
        assert (tmp_path / "new" / path).read_bytes() == content
        assert (REPOSITORY / "data" / path).read_bytes() == content
    assert len(listed_countries()) == 249
