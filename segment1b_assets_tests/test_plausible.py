"""Each rule of `plausible` fires on what it is for, and is quiet on an ordinary country."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio

from segment1b_assets.contracts.plausibility import PLAUSIBILITY
from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets.validation.plausible import plausible_dataset
from segment1b_assets_tests.dagster_support import made_well, run_assets
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.partition_support import written

COUNTRY = "FI"
BY_COUNTRY = tuple(dict.fromkeys(rule.dataset for rule in PLAUSIBILITY.values()))


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A populated country through S0 to S8."""
    root = tmp_path_factory.mktemp("plausible") / "root"
    make_world(
        root, 43, rows=12, cols=16, resolution=0.5, global_grid=False, codes=[COUNTRY, "FJ"],
        inclusion_rule="center", feasible=True, merchants=4, basis="population", dp=6,
        dtype="float32", masses="plain",
    )  # fmt: skip
    with dg.DagsterInstance.ephemeral() as instance:
        made_well(run_assets(instance, root, ("s0_gate_receipt_1B", *BY_COUNTRY), [COUNTRY]))
    return root


def odd(root: Path) -> dict[str, str]:
    """The rules that fire, and what they say."""
    inputs = open_run_inputs(RunOptions(root))
    found = [v for d in BY_COUNTRY for v in plausible_dataset(inputs, d, COUNTRY)]
    assert [v.code for v in found] == sorted(PLAUSIBILITY, key=list(PLAUSIBILITY).index)
    assert all(v.judged for v in found), [v.detail for v in found if not v.judged]
    for verdict in found:
        assert verdict.asks.endswith(".")
        assert verdict.next_step("tile_index", COUNTRY)
    return {v.code: v.detail for v in found if not v.passed}


class Changed:
    """Replaces files of the world and puts them back."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._before: dict[Path, bytes | None] = {}

    def file(self, path: Path) -> Path:
        self._before.setdefault(path, path.read_bytes() if path.exists() else None)
        return path

    def undo(self) -> None:
        for path, raw in self._before.items():
            if raw is None:
                path.unlink()
            else:
                path.write_bytes(raw)

    def rows(self, dataset: str, **columns: list[Any]) -> None:
        """Another partition of the same lineage; columns that are not named are constant."""
        inputs = open_run_inputs(RunOptions(self.root))
        (path,) = inputs.files(dataset, COUNTRY)
        metadata = lineage_of(path)
        self.file(path)
        count = len(next(iter(columns.values())))
        names = pq.read_schema(path).names
        zero: dict[str, Any] = {"legal_country_iso": COUNTRY, "country_iso": COUNTRY, "basis": "x",
                                "inclusion_rule": "center"}  # fmt: skip
        full = {name: columns.get(name, [zero.get(name, 0)] * count) for name in names}
        written(path.parent, dataset, full)
        table = pq.ParquetFile(path).read()
        pq.write_table(table.replace_schema_metadata(metadata), path)

    def report(self, state: str, **values: Any) -> None:
        (path,) = self.root.rglob(f"{state.lower()}_run_report.json")
        document = json.loads(self.file(path).read_bytes()) | values
        path.write_text(json.dumps(document))

    def beside_the_raster(self, ending: str) -> None:
        raster = layout.raster_path(self.root)
        self.file(raster.with_name(raster.name + ending)).write_text("<x/>")


@pytest.fixture
def changed(ordinary: Path) -> Iterator[Changed]:
    made = Changed(ordinary)
    yield made
    made.undo()


def test_an_ordinary_country_is_plausible(ordinary: Path) -> None:
    # One of its merchants has 130 sites, on 25 tiles.
    assert odd(ordinary).keys() == {"P301_MORE_SITES_THAN_TILES"}


def test_every_dataset_has_a_rule() -> None:
    assert len(BY_COUNTRY) == 9


def sites(count: int) -> dict[str, list[Any]]:
    return {"merchant_id": list(range(count)), "site_order": [1] * count}


def plan_of_halves(c: Changed, heavy: int) -> None:
    """A large country of 12 pairs; `heavy` of 300 sites lie in tile 7."""
    c.rows("tile_index", tile_id=list(range(120)))
    c.rows("s3_requirements", merchant_id=list(range(12)), n_sites=[25] * 12)
    light = 300 - heavy
    c.rows(
        "s4_alloc_plan", merchant_id=list(range(light + 1)),
        tile_id=[*range(100, 100 + light // 2), 7, *range(100 + light // 2, 100 + light)],
        n_sites_tile=[*[1] * (light // 2), heavy, *[1] * (light - light // 2)],
    )  # fmt: skip


FIRES: dict[str, tuple[Callable[[Changed], None], str]] = {
    "P101_NO_TILE": (lambda c: c.rows("tile_index", tile_id=[]), "covers no cell"),
    "P102_SIDECAR_IGNORED": (
        lambda c: c.beside_the_raster(".aux.xml"),
        ".aux.xml",
    ),
    "P111_LONGITUDE_BEYOND_180": (
        lambda c: c.rows("tile_bounds", tile_id=[1], min_lon_deg=[179.0], max_lon_deg=[181.0]),
        "to 181.0",
    ),
    "P201_ALL_MASS_ZERO": (lambda c: c.report("S2", zero_mass_fallback=True), "every mass is 0"),
    "P202_NO_POPULATED_CELL": (lambda c: c.report("S2", mass_sum_exact="0"), "latitude first"),
    "P203_SENTINEL_SUSPECTED": (lambda c: c.report("S2", mass_max=10_000_001.0), "10000001"),
    "P301_MORE_SITES_THAN_TILES": (
        lambda c: c.rows("s3_requirements", merchant_id=[1, 9], n_sites=[1, 193]),
        "merchant_id 9 has 193 sites",
    ),
    "P401_ONE_TILE_DOMINATES": (
        lambda c: plan_of_halves(c, 151),
        "tile_id 7 holds 151 of 300 sites",
    ),
    "P501_CROWDED_TILE": (
        lambda c: c.rows("s4_alloc_plan", merchant_id=[1], tile_id=[5], n_sites_tile=[1001]),
        "merchant_id 1 tile_id 5 has 1001 sites",
    ),
    "P601_MANY_ATTEMPTS": (lambda c: c.report("S6", sites=10, rng_events=81), "81 attempts"),
    "P701_LONGITUDE_BEYOND_180": (
        lambda c: c.rows("s7_site_synthesis", **sites(2), lon_deg=[1.0, -180.5]),
        "from -180.5",
    ),
    "P801_SAME_COORDINATES": (
        lambda c: c.rows(
            "site_locations", **sites(4), lon_deg=[1.5, 2.5, 1.5, 1.5],
            lat_deg=[3.5, 3.5, 3.0, 3.5],
        ),
        "merchant_id 0 site_order 1 and merchant_id 3 site_order 1 are at (1.5, 3.5)",
    ),
    "P802_LONGITUDE_BEYOND_180": (
        lambda c: c.rows("site_locations", **sites(2), lon_deg=[1.0, 181.0]),
        "to 181.0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", PLAUSIBILITY)
def test_what_is_odd_is_named(changed: Changed, code: str) -> None:
    change, words = FIRES[code]
    change(changed)
    found = odd(changed.root)
    assert words in found[code]


QUIET: dict[str, Callable[[Changed], None]] = {
    "P111_LONGITUDE_BEYOND_180": lambda c: c.rows(
        "tile_bounds", tile_id=[1], min_lon_deg=[-180.0], max_lon_deg=[180.00000000000003]
    ),
    "P203_SENTINEL_SUSPECTED": lambda c: c.report("S2", mass_max=10_000_000.0),
    "P301_MORE_SITES_THAN_TILES": lambda c: c.rows(
        "s3_requirements", merchant_id=[1, 9], n_sites=[1, 25]
    ),
    "P401_ONE_TILE_DOMINATES": lambda c: plan_of_halves(c, 150),
    "P501_CROWDED_TILE": lambda c: c.rows(
        "s4_alloc_plan", merchant_id=[1], tile_id=[5], n_sites_tile=[1000]
    ),
    "P601_MANY_ATTEMPTS": lambda c: c.report("S6", sites=10, rng_events=80),
}


@pytest.mark.parametrize("code", QUIET)
def test_the_limit_itself_is_plausible(changed: Changed, code: str) -> None:
    QUIET[code](changed)
    assert code not in odd(changed.root)


@pytest.mark.parametrize("fires", [True, False])
def test_people_are_looked_for_where_the_weights_do_not_count_them(
    tmp_path: Path, fires: bool
) -> None:
    root = tmp_path / "root"
    make_world(
        root, 43, rows=12, cols=16, resolution=0.5, global_grid=False, codes=[COUNTRY, "FJ"],
        inclusion_rule="center", feasible=True, merchants=2, basis="uniform", dp=6, dtype="float32",
        masses="plain",
    )  # fmt: skip
    raster = layout.raster_path(root)
    with rasterio.open(raster, "r+") as file:
        pixels = file.read(1)
        pixels[:] = 0 if file.nodata is None else file.nodata
        if not fires:
            pixels[:] = 3
        file.write(pixels.astype(np.float32), 1)
    with dg.DagsterInstance.ephemeral() as instance:
        made_well(run_assets(instance, root, ("tile_index", "tile_bounds"), [COUNTRY]))
    inputs = open_run_inputs(RunOptions(root))
    (verdict,) = [
        v
        for v in plausible_dataset(inputs, "tile_weights", COUNTRY)
        if v.code == "P202_NO_POPULATED_CELL"
    ]
    assert verdict.result == ("broken" if fires else "held")


def test_what_cannot_be_read_is_not_judged(changed: Changed) -> None:
    inputs = open_run_inputs(RunOptions(changed.root))
    (path,) = inputs.files("site_locations", COUNTRY)
    changed.file(path).write_bytes(b"PAR1")
    found = plausible_dataset(inputs, "site_locations", COUNTRY)
    assert [v.result for v in found] == ["not judged"] * 2
    changed.report("S2", mass_max="much")
    found = plausible_dataset(inputs, "tile_weights", COUNTRY)
    assert [v.result for v in found] == ["held", "held", "not judged"]


def test_the_guide_lists_every_rule_as_it_is() -> None:
    page = (Path(__file__).parent.parent / "docs" / "guide" / "plausible.md").read_text()
    for code, rule in PLAUSIBILITY.items():
        assert f"| `{code}` | {rule.dataset} | {rule.asks} | {rule.next_step} |" in page
