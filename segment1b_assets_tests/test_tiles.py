"""tile_index and tile_bounds: columns, chunks and facts, value by value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_area import row_areas
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import Eligibility, eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.tiles import tile_bounds, tile_index

GRID = Grid(0.1, -3.0, -1 / 3, 10.0, 12, 40)
SHAPE = shapely.Polygon(
    [(-2.95, 6.3), (0.7, 7.0), (0.2, 9.9)], [[(-0.5, 7.5), (0.1, 7.5), (-0.2, 8.2)]]
)


def eligibility(grid: Grid = GRID, shape: shapely.Geometry = SHAPE) -> Eligibility:
    return eligible_cells(CountryPolygon.from_wkb("XX", shapely.to_wkb(shape)), grid, "center")


def table(dataset: str, stream: PartitionStream) -> pa.Table:
    batches = [chunk.rows for chunk in stream.chunks]
    for batch in batches:
        batch.validate(full=True)
        assert batch.schema.equals(TABLES[dataset].wire)
    return pa.Table.from_batches(batches, TABLES[dataset].wire)


def test_every_value_is_the_contracts_form() -> None:
    found = eligibility()
    index = table("tile_index", tile_index("XX", GRID, found, "center"))
    bounds = table("tile_bounds", tile_bounds("XX", GRID, found, "center"))
    assert index.num_rows == bounds.num_rows == found.cells_included > 100
    area = row_areas(GRID, 0, GRID.nrows)
    g = GRID
    for i, b in zip(index.to_pylist(), bounds.to_pylist(), strict=True):
        r, k = divmod(i["tile_id"], g.ncols)
        assert i == {
            "country_iso": "XX",
            "tile_id": r * g.ncols + k,
            "raster_row": r,
            "raster_col": k,
            "centroid_lon": g.c + (k + 0.5) * g.a,
            "centroid_lat": g.f + (r + 0.5) * g.e,
            "pixel_area_m2": area[r],
            "inclusion_rule": "center",
        }
        assert b == {
            "country_iso": "XX",
            "tile_id": i["tile_id"],
            "min_lat_deg": g.f + (r + 1) * g.e,
            "max_lat_deg": g.f + r * g.e,
            "min_lon_deg": g.c + k * g.a,
            "max_lon_deg": g.c + (k + 1) * g.a,
            "centroid_lat_deg": i["centroid_lat"],
            "centroid_lon_deg": i["centroid_lon"],
        }


@pytest.mark.parametrize("batch_rows", [1, 7, 64, 10**6])
def test_chunks_are_bounded_and_change_nothing(batch_rows: int) -> None:
    found = eligibility()
    for dataset, make in (("tile_index", tile_index), ("tile_bounds", tile_bounds)):
        chunks = [c.rows for c in make("XX", GRID, found, "center", batch_rows).chunks]
        assert all(c.num_rows == batch_rows for c in chunks[:-1])
        assert 0 < chunks[-1].num_rows <= batch_rows
        whole = table(dataset, make("XX", GRID, found, "center"))
        assert pa.Table.from_batches(chunks).to_pylist() == whole.to_pylist()


def test_facts() -> None:
    found = eligibility()
    stream = tile_index("XX", GRID, found, "center")
    ids = table("tile_index", stream)["tile_id"].to_pylist()
    assert stream.facts == {
        "cells_visited": found.cells_visited,
        "cells_included": len(ids),
        "cells_excluded_outside": found.cells_excluded_outside,
        "cells_excluded_hole": found.cells_excluded_hole,
        "tile_id_min": ids[0],
        "tile_id_max": ids[-1],
        "predicate": "center",
        "grid_dims": {"nrows": 12, "ncols": 40},
    }
    assert found.cells_excluded_hole > 0


def test_a_country_without_cells_has_no_chunks() -> None:
    none = Eligibility(CellRuns.empty(40), 0, 0, 0, 0)
    for make in (tile_index, tile_bounds):
        stream = make("XX", GRID, none, "center")
        assert list(stream.chunks) == []
        assert stream.facts["tile_id_min"] is None
        assert stream.facts["tile_id_max"] is None


def test_a_cell_that_reaches_past_a_pole_has_its_own_edges_and_the_area_up_to_the_pole() -> None:
    over, upto = Grid(1.0, 0.0, -1.0, 90.5, 3, 3), Grid(1.0, 0.0, -0.5, 90.0, 3, 3)
    top = shapely.box(0, 89.5, 3, 90)
    (index,) = tile_index("XX", over, eligibility(over, top), "center").chunks
    (bounds,) = tile_bounds("XX", over, eligibility(over, top), "center").chunks
    (half,) = tile_index("XX", upto, eligibility(upto, top), "center").chunks
    assert index.rows["centroid_lat"].to_pylist() == [90.0] * 3
    assert bounds.rows["max_lat_deg"].to_pylist() == [90.5] * 3
    assert index.rows["pixel_area_m2"].to_pylist() == half.rows["pixel_area_m2"].to_pylist()


def test_rows_without_height_are_refused() -> None:
    flat = Grid(1.0, 0.0, -1e-16, 8.5, 3, 3)
    one = CellRuns(np.array([4]), np.array([5]), 3)
    with pytest.raises(Segment1BError) as caught:
        tile_index("XX", flat, Eligibility(one, 1, 1, 0, 0), "center")
    assert caught.value.code == "E006_AREA_NONPOS"
