"""Partitions of more than two million rows, which are decoded on a second thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.tiles import tile_index
from segment1b_assets.storage.parquet import read_batches
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.read_ahead import LARGE_ROWS, cpu_seconds, read_ahead
from segment1b_assets.validation.judges.s1_tile_index import judge_tile_index
from segment1b_assets_tests.partition_support import failed, published

GRID = Grid(1 / 160, -5.0, -1 / 160, 10.0, 1600, 1600)
SQUARE = CountryPolygon.from_wkb("FR", shapely.to_wkb(shapely.box(-4.7, 0.1, 4.6, 9.9)))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    stream = tile_index("FR", GRID, eligible_cells(SQUARE, GRID, "center"), "center")
    files = published(tmp_path_factory.mktemp("large") / "index", "tile_index", stream)
    assert sum(pq.read_metadata(f).num_rows for f in files) > LARGE_ROWS
    return files


def judged(files: list[Path]) -> list[str]:
    return failed(judge_tile_index("FR", files, GRID, SQUARE, "center"))


def test_it_passes_and_one_value_of_its_last_rows_is_found(
    index: list[Path], tmp_path: Path
) -> None:
    assert judged(index) == []
    table = pq.ParquetFile(index[0], read_dictionary=["inclusion_rule"]).read()
    at = table.schema.get_field_index("centroid_lat")
    last = pc.equal(pa.array(np.arange(table.num_rows)), table.num_rows - 2)
    changed = pc.if_else(last, np.nextafter(0.1, 1), table["centroid_lat"])
    declared = TABLES["tile_index"].arrow
    table = table.set_column(at, declared.field(at), changed).cast(declared)
    pq.write_table(table, tmp_path / "part-00000.parquet", row_group_size=1 << 20)
    assert judged([tmp_path / "part-00000.parquet"]) == ["E004_BOUNDS"]


def test_a_page_that_cannot_be_decoded_is_named_with_its_file(
    index: list[Path], tmp_path: Path
) -> None:
    column = pq.read_metadata(index[0]).row_group(2).column(1)
    damaged = bytearray(index[0].read_bytes())
    damaged[column.data_page_offset : column.data_page_offset + 8] = b"\xff" * 8
    path = tmp_path / "part-00000.parquet"
    path.write_bytes(damaged)
    before = threading.active_count()
    for read in (lambda: judged([path]), lambda: list(read_batches([path], ["tile_id"]))):
        with pytest.raises(Segment1BError) as raised:
            read()
        assert raised.value.code == "E_INPUT_SCHEMA"
        assert raised.value.file == str(path)
    assert threading.active_count() == before


def test_a_reader_that_stops_early_leaves_no_thread(index: list[Path]) -> None:
    before = threading.active_count()
    batches = read_batches(index, ["tile_id"], 1000)
    first = next(batches).column("tile_id").to_pylist()
    assert first == sorted(first) and len(first) == 1000
    batches.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_a_raster_gives_the_same_values(tmp_path: Path) -> None:
    values = np.random.default_rng(5).random((1600, 1600), dtype=np.float32)
    path = tmp_path / "raster.tif"
    profile = {"driver": "GTiff", "height": 1600, "width": 1600, "count": 1, "dtype": "float32",
               "crs": "EPSG:4326", "transform": rasterio.Affine(1 / 160, 0, -5, 0, -1 / 160, 10),
               "tiled": True, "blockxsize": 256, "blockysize": 256}  # fmt: skip
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values, 1)
    starts = np.arange(1600, dtype=np.int64) * 1600 + 3
    cells = CellRuns(starts, starts + 1590, 1600)
    assert cells.count > LARGE_ROWS
    reader = RasterValues(path)
    assert np.array_equal(np.concatenate(list(reader.values(cells))), values[:, 3:1593].ravel())
    assert reader.bytes_read == reader.bytes_uncompressed


def test_items_come_in_order_from_one_other_thread_and_errors_at_their_place() -> None:
    makers: list[int] = []

    def items() -> Iterator[int]:
        try:
            for i in range(3):
                makers.append(threading.get_ident())
                yield i
            raise ValueError("after three")
        finally:
            makers.append(threading.get_ident())

    got: list[int] = []
    with pytest.raises(ValueError, match="after three"):
        got.extend(read_ahead(items()))  # type: ignore[arg-type]
    assert len(set(makers)) == 1 and makers[0] != threading.get_ident()
    some = read_ahead(items())  # type: ignore[arg-type]
    assert [next(some), next(some)] == [0, 1]
    makers.clear()
    some.close()  # type: ignore[attr-defined]
    assert len(set(makers)) == 1 and makers[0] != threading.get_ident()


def test_an_abandoned_generator_can_end_on_the_thread_that_makes_its_items() -> None:
    held: list[Iterator[int]] = []
    ended = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield 0
            held.clear()  # the last reference: what waits for this item ends here
            yield 1
        finally:
            ended.set()

    held.append(read_ahead(items()))  # type: ignore[arg-type]
    assert next(held[0]) == 0
    assert ended.wait(60)


def test_processor_time_of_the_second_thread_counts() -> None:
    def items() -> Iterator[int]:
        began = time.thread_time()
        while time.thread_time() < began + 0.2:
            pass
        yield 1

    began = cpu_seconds(), time.thread_time()
    assert list(read_ahead(items())) == [1]  # type: ignore[arg-type]
    used, own = cpu_seconds() - began[0], time.thread_time() - began[1]
    assert used >= own + 0.2
