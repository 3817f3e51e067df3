"""The validators of tile_index and tile_bounds: clean files pass, any single change is caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import Eligibility, eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.tiles import tile_bounds, tile_index
from segment1b_assets.storage.parquet import PartitionWriter
from segment1b_assets.validation import country_cells as country_cells_module
from segment1b_assets.validation import tile_rows
from segment1b_assets.validation.country_cells import country_cells
from segment1b_assets.validation.judges.s1_tile_bounds import judge_tile_bounds
from segment1b_assets.validation.judges.s1_tile_index import judge_tile_index
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets_tests.adversarial_shapes import grids, polygons, usable
from segment1b_assets_tests.exact_geometry import Oracle
from segment1b_assets_tests.hypothesis_profiles import examples

RULES = ("center", "any_overlap")
GRID = Grid(0.1, -3.0, -1 / 3, 10.0, 12, 40)
#: Fills the rows in the middle from end to end, so that runs of ids cross the ends of rows.
WIDE = shapely.Polygon(
    [(-3.4, 6.9), (1.4, 7.6), (0.2, 9.9), (-3.4, 9.1)], [[(-0.5, 8.2), (0.1, 8.2), (-0.2, 8.9)]]
)


def polygon_of(shape: shapely.Geometry) -> CountryPolygon:
    return CountryPolygon.from_wkb("FR", shapely.to_wkb(shape))


class World:
    """One country's two partitions on disk, and what they were made from."""

    def __init__(self, folder: Path, rule: str = "center", shape: shapely.Geometry = WIDE) -> None:
        self.folder, self.rule, self.polygon = folder, rule, polygon_of(shape)
        found = eligible_cells(self.polygon, GRID, rule)  # type: ignore[arg-type]
        self.index = self.write("tile_index", self.made("tile_index", found))
        self.bounds = self.write("tile_bounds", self.made("tile_bounds", found))

    def made(self, dataset: str, found: Eligibility) -> pa.Table:
        make = tile_index if dataset == "tile_index" else tile_bounds
        chunks = make("FR", GRID, found, self.rule).chunks  # type: ignore[arg-type]
        return pa.Table.from_batches([c.rows for c in chunks], TABLES[dataset].wire)

    def write(self, dataset: str, table: pa.Table, name: str = "clean") -> list[Path]:
        folder = self.folder / name / dataset
        folder.mkdir(parents=True)
        with PartitionWriter(folder, TABLES[dataset], {"country": "FR"}) as writer:
            for batch in table.combine_chunks().to_batches():
                writer.write(batch)
        return sorted(folder.glob("*.parquet"))

    def judge_index(self, files: list[Path] | None = None) -> dict[str, Verdict]:
        return by_code(judge_tile_index("FR", files or self.index, GRID, self.polygon, self.rule))

    def judge_bounds(
        self, files: list[Path] | None = None, index: list[Path] | None = None
    ) -> dict[str, Verdict]:
        return by_code(judge_tile_bounds("FR", files or self.bounds, index or self.index, GRID))

    def tampered(self, dataset: str, change: Callable[[pa.Table], pa.Table]) -> list[Path]:
        clean = pq.read_table(
            self.index[0] if dataset == "tile_index" else self.bounds[0],
            read_dictionary=["inclusion_rule"] if dataset == "tile_index" else None,
            partitioning=None,
        )
        return self.write(dataset, change(clean).cast(TABLES[dataset].wire), "tampered")


def by_code(verdicts: list[Verdict]) -> dict[str, Verdict]:
    assert len({v.code for v in verdicts}) == len(verdicts)
    for v in verdicts:
        assert v.passed or v.detail
    return {v.code: v for v in verdicts}


def broken(verdicts: dict[str, Verdict]) -> set[str]:
    return {code for code, v in verdicts.items() if not v.passed}


def with_value(
    column: str, row: int, change: Callable[[Any], Any]
) -> Callable[[pa.Table], pa.Table]:
    def apply(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = change(values[row])
        at = table.schema.get_field_index(column)
        kind = pa.string() if pa.types.is_dictionary(table.schema.field(at).type) else None
        made = pa.array(values, kind or table.schema.field(at).type)
        made = made.dictionary_encode() if kind else made
        return table.set_column(at, table.schema.field(at), made)

    return apply


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("block_rows", [1, 7, 1 << 16])
def test_clean_partitions_pass(tmp_path: Path, rule: str, block_rows: int) -> None:
    world = World(tmp_path, rule)
    with mock.patch.object(tile_rows, "BLOCK_ROWS", block_rows):
        index, bounds = world.judge_index(), world.judge_bounds()
    assert broken(index) == broken(bounds) == set()
    assert set(index) == {
        "E003_DUP_TILE",
        "E004_BOUNDS",
        "E005_ISO_FK",
        "E006_AREA_NONPOS",
        "E008_INCLUSION_RULE",
    }
    assert set(bounds) == {"E003_DUP_TILE", "E004_BOUNDS", "E008_INCLUSION_RULE"}
    assert index["E003_DUP_TILE"].facts["rows"] == pq.read_metadata(world.index[0]).num_rows > 100


def up(value: float) -> float:
    return float(np.nextafter(value, np.inf))


INDEX_CHANGES: list[tuple[str, Callable[[Any], Any], str]] = [
    ("country_iso", lambda v: "DE", "E005_ISO_FK"),
    ("tile_id", lambda v: v + 10_000, "E003_DUP_TILE"),
    ("tile_id", lambda v: v - 1, "E003_DUP_TILE"),
    ("tile_id", lambda v: 2**64 - 1, "E003_DUP_TILE"),
    ("raster_row", lambda v: v + 1, "E004_BOUNDS"),
    ("raster_row", lambda v: 2**63 + v, "E004_BOUNDS"),
    ("raster_col", lambda v: v + 1, "E004_BOUNDS"),
    ("raster_col", lambda v: 2**64 - 1, "E004_BOUNDS"),
    ("centroid_lon", up, "E004_BOUNDS"),
    ("centroid_lon", lambda v: float("nan"), "E004_BOUNDS"),
    ("centroid_lat", up, "E004_BOUNDS"),
    ("pixel_area_m2", lambda v: v * (1 + 3e-9), "E006_AREA_NONPOS"),
    ("pixel_area_m2", up, "E006_AREA_NONPOS"),
    ("pixel_area_m2", lambda v: -v, "E006_AREA_NONPOS"),
    ("pixel_area_m2", lambda v: float("nan"), "E006_AREA_NONPOS"),
    ("inclusion_rule", lambda v: "any_overlap", "E008_INCLUSION_RULE"),
]
BOUNDS_COLUMNS = [c.name for c in TABLES["tile_bounds"].columns if c.kind == "float64"]


@pytest.mark.parametrize("row", [0, 37, 38, -1])
@pytest.mark.parametrize(("column", "change", "code"), INDEX_CHANGES)
def test_one_value_of_tile_index(
    tmp_path: Path, column: str, change: Callable[[Any], Any], code: str, row: int
) -> None:
    world = World(tmp_path)
    found = world.judge_index(world.tampered("tile_index", with_value(column, row, change)))
    if column == "tile_id":
        # At an end of the file a foreign id may still be in order.
        assert broken(found) & {code, "E008_INCLUSION_RULE"}
        assert "E004_BOUNDS" in broken(found)
    else:
        assert broken(found) == {code}
        assert column in found[code].detail


@pytest.mark.parametrize("row", [0, 38, -1])
@pytest.mark.parametrize("change", [up, lambda v: -v, lambda v: float("nan")])
@pytest.mark.parametrize("column", BOUNDS_COLUMNS)
def test_one_value_of_tile_bounds(
    tmp_path: Path, column: str, change: Callable[[float], float], row: int
) -> None:
    world = World(tmp_path)
    found = world.judge_bounds(world.tampered("tile_bounds", with_value(column, row, change)))
    assert broken(found) == {"E004_BOUNDS"}
    assert column in found["E004_BOUNDS"].detail


def test_all_areas_of_a_row_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)

    def change(table: pa.Table) -> pa.Table:
        rows, area = table["raster_row"].to_numpy(), table["pixel_area_m2"].to_numpy().copy()
        area[rows == rows[60]] *= 1 + 5e-9
        return table.set_column(6, table.schema.field(6), pa.array(area))

    assert broken(world.judge_index(world.tampered("tile_index", change))) == {"E006_AREA_NONPOS"}


def test_another_country_in_tile_bounds(tmp_path: Path) -> None:
    world = World(tmp_path)
    change = with_value("country_iso", 5, lambda v: "DE")
    found = world.judge_bounds(world.tampered("tile_bounds", change))
    assert broken(found) == {"E008_INCLUSION_RULE"}
    assert "'DE'" in found["E008_INCLUSION_RULE"].detail


@pytest.mark.parametrize("dataset", ["tile_index", "tile_bounds"])
def test_rows_left_out_repeated_or_exchanged(tmp_path: Path, dataset: str) -> None:
    def judged(order: list[int], name: str) -> dict[str, Verdict]:
        world = World(tmp_path / name)
        files = world.tampered(dataset, lambda t: t.take(pa.array(order, pa.int64())))
        judge = world.judge_index if dataset == "tile_index" else world.judge_bounds
        return judge(files)

    rows = list(range(pq.read_metadata(World(tmp_path / "count").index[0]).num_rows))
    for i in (0, 38, len(rows) - 1):
        left_out = judged(rows[:i] + rows[i + 1 :], f"out{i}")
        assert broken(left_out) == {"E008_INCLUSION_RULE"}
        assert "tile_id" in left_out["E008_INCLUSION_RULE"].detail
        repeated = judged(rows[: i + 1] + rows[i:], f"twice{i}")
        assert "E003_DUP_TILE" in broken(repeated)
    exchanged = judged([1, 0, *rows[2:]], "exchanged")
    assert "E003_DUP_TILE" in broken(exchanged)
    assert "E008_INCLUSION_RULE" in broken(judged([], "none"))


def test_a_tile_too_many_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    found = eligible_cells(world.polygon, GRID, "center").runs
    extra = int(found.stops[3])
    ids = np.append(found.tile_ids(), np.uint64(extra))
    more = CellRuns.from_sorted_tile_ids([np.sort(ids)], GRID.ncols)
    for dataset in ("tile_index", "tile_bounds"):
        table = world.made(dataset, Eligibility(more, 0, 0, 0, 0))
        files = world.write(dataset, table, f"more {dataset}")
        judged = (world.judge_index if dataset == "tile_index" else world.judge_bounds)(files)
        assert broken(judged) == {"E008_INCLUSION_RULE"}
        assert f"tile_id {extra} " in judged["E008_INCLUSION_RULE"].detail


def test_tiles_off_the_grid(tmp_path: Path) -> None:
    world = World(tmp_path)
    change = with_value("tile_id", -1, lambda v: GRID.nrows * GRID.ncols)
    for dataset, judge in (("tile_index", world.judge_index), ("tile_bounds", world.judge_bounds)):
        found = judge(world.tampered(dataset, change))
        assert {"E004_BOUNDS", "E008_INCLUSION_RULE"} <= broken(found)
        assert "not on the grid" in found["E004_BOUNDS"].detail


def test_a_partition_of_several_files_is_one_stream(tmp_path: Path) -> None:
    world = World(tmp_path)
    parts = []
    for dataset, files in (("tile_index", world.index), ("tile_bounds", world.bounds)):
        table = pq.read_table(files[0], partitioning=None).cast(TABLES[dataset].wire)
        parts.append(
            [
                world.write(dataset, table[:90], f"{dataset} a")[0],
                world.write(dataset, table[90:], f"{dataset} b")[0],
            ]
        )
    assert broken(world.judge_index(parts[0])) == set()
    assert broken(world.judge_bounds(parts[1], parts[0])) == set()
    assert "E003_DUP_TILE" in broken(world.judge_index(parts[0][::-1]))


def test_countries_without_tiles(tmp_path: Path) -> None:
    world = World(tmp_path, shape=shapely.box(50, 50, 51, 51))
    assert broken(world.judge_index()) == broken(world.judge_bounds()) == set()
    none = judge_tile_index("FR", world.index, GRID, None, "center")
    assert broken(by_code(none)) == set()
    some = World(tmp_path / "some")
    none = judge_tile_index("FR", some.index, GRID, None, "center")
    assert broken(by_code(none)) == {"E008_INCLUSION_RULE"}


def test_the_other_rules_tiles_are_refused(tmp_path: Path) -> None:
    world = World(tmp_path, "any_overlap")
    found = by_code(judge_tile_index("FR", world.index, GRID, world.polygon, "center"))
    assert broken(found) == {"E008_INCLUSION_RULE"}


def test_files_that_are_not_the_table(tmp_path: Path) -> None:
    world = World(tmp_path)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(world.index[0].read_bytes()[:-100])
    for files, code in (
        ([cut], "E_INPUT_SCHEMA"),
        (world.bounds, "E_INPUT_SCHEMA"),
        ([tmp_path / "none.parquet"], "E_INPUT_MISSING"),
    ):
        with pytest.raises(Segment1BError) as caught:
            world.judge_index(files)
        assert caught.value.code == code
    with pytest.raises(Segment1BError, match="no file"):
        judge_tile_index("FR", [], GRID, None, "center")
    missing = world.judge_bounds(index=[tmp_path / "none.parquet"])
    assert broken(missing) == {"E008_INCLUSION_RULE"}


def test_an_edge_that_leaves_a_grid_line_by_less_than_rounding() -> None:
    grid = Grid(1.0, -180.0, -1.0, 3.0, 2, 2)
    shape = shapely.Polygon([(-178.0, up(2.0)), (-180.0, 2.0), (-180.0, 1.0)])
    runs = CellRuns.from_intervals((np.array([0]), np.array([4])), 2)
    assert country_cells(polygon_of(shape), grid, "any_overlap") == runs


@pytest.mark.parametrize("rule", RULES)
def test_an_edge_that_rises_by_the_least_float(rule: Any) -> None:
    """Cells divided by such a rise overflow; that is no fault, nor a warning."""
    grid = Grid(1.0, 0.0, -1.0, 4.0, 4, 4)
    shape = shapely.Polygon([(5e-324, 0.0), (3.0, 5e-324), (1.0, 3.0)])
    wanted = Oracle(shape, grid, rule).cells()["included"]
    runs = CellRuns.from_sorted_tile_ids([np.array(sorted(wanted), np.uint64)], grid.ncols)
    assert country_cells(polygon_of(shape), grid, rule) == runs


@pytest.mark.parametrize("rule", RULES)
@examples(150)
@given(data=st.data())
def test_the_cells_that_geos_gives_are_the_definitions(rule: Any, data: st.DataObject) -> None:
    grid = data.draw(grids())
    shape = data.draw(polygons(grid, data.draw(st.sampled_from([0.0, 0.0, 360.0, -360.0]))))
    assume(usable(shape))
    wanted = Oracle(shape, grid, rule).cells()["included"]
    runs = CellRuns.from_sorted_tile_ids([np.array(sorted(wanted), np.uint64)], grid.ncols)
    assert country_cells(polygon_of(shape), grid, rule) == runs
    with (
        mock.patch.object(country_cells_module, "_STEPS", 5),
        mock.patch.object(country_cells_module, "_CELLS", 3),
    ):
        assert country_cells(polygon_of(shape), grid, rule) == runs


@pytest.mark.parametrize("rule", RULES)
def test_a_wiggling_border_on_a_fine_grid(rule: Any) -> None:
    """Edges longer and shorter than a cell, off the grid, with a lake and an island in it."""
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    reach = 1 + 0.2 * np.sin(17 * turn) + 0.02 * np.sin(170 * turn)
    ring = np.column_stack((reach * np.cos(turn), reach * np.sin(turn)))
    shape = shapely.MultiPolygon([
        shapely.Polygon(ring, [0.5 * ring[::7]]), shapely.Polygon(0.3 * ring[::50])
    ])  # fmt: skip
    grid = Grid(0.013, -0.97, -0.017, 1.3, 120, 140)
    assert (
        country_cells(polygon_of(shape), grid, rule)
        == eligible_cells(polygon_of(shape), grid, rule).runs
    )


def test_a_code_without_a_label_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    table = pq.ParquetFile(world.bounds[0]).read()
    at = table.schema.get_field_index("country_iso")
    path = tmp_path / "part-00000.parquet"
    pq.write_table(table, path, use_dictionary=["country_iso"], compression="none")
    assert broken(world.judge_bounds([path])) == set()
    column = pq.read_metadata(path).row_group(0).column(at)
    last = column.dictionary_page_offset + column.total_compressed_size - 1
    damaged = bytearray(path.read_bytes())
    assert damaged[last] == 0  # the code that all rows have
    damaged[last] = 1
    path.write_bytes(damaged)
    with pytest.raises(Segment1BError) as raised:
        world.judge_bounds([path])
    assert raised.value.code == "E_INPUT_SCHEMA"
