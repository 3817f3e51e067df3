"""A population raster from any rasters into a data root (contract §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.imports.chunk_store import SIDE, ChunkStore
from segment1b_assets.imports.place_input import Placed, place_input
from segment1b_assets.imports.plain_cog import open_draft, write_cog, write_windows
from segment1b_assets.imports.plain_environment import plain_environment
from segment1b_assets.imports.raster_extent import cell_degrees, choose_grid, degrees_of
from segment1b_assets.imports.raster_source import RasterSource, exact_text, open_source
from segment1b_assets.imports.spread_counts import CellSpreader
from segment1b_assets.imports.target_grid import TargetGrid
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.raster_header import read_grid

DATASET: Final = "population_raster_2025"
Kind = Literal["counts", "density"]
#: Called with what has been read of the whole, in cells.
Progress = Callable[[int, int], None]
_WINDOW: Final = 1024
#: Cells whose parts are spread at once: some dozens of MiB.
_AT_ONCE: Final = 1 << 18
_MOST_PARTS: Final = 64


@dataclass
class SourceTotal:
    """What one source held, in persons.

    Attributes:
        read: the sum of its values (of density times area).
        outside: the part of it that fell outside of the target grid.
        off_map: the part of it whose cells have no place on the globe.
    """

    read: float = 0.0
    outside: float = 0.0
    off_map: float = 0.0


@dataclass(frozen=True)
class RasterImport:
    """What an import of rasters came to.

    Attributes:
        placed: what became of the file in the root.
        target: the file.
        grid: its cells.
        kept: whether the source's own cells were kept.
        totals: source -> its sums.
        stored: the sum of the values as stored.
    """

    placed: Placed
    target: Path
    grid: TargetGrid
    kept: bool
    totals: dict[str, SourceTotal]
    stored: float


def import_raster(
    root: DataRoot,
    sources: Sequence[Path],
    *,
    kind: Kind = "counts",
    cells_per_degree: int | None = None,
    bounds: tuple[float, float, float, float] | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> RasterImport:
    """Bring rasters to one grid in degrees, their sums kept, and place it; ≤ 1 GiB of memory.

    Args:
        root: the data root.
        sources: rasters of any CRS; where cells of several meet, they add up.
        kind: ``counts`` (persons in a cell) or ``density`` (persons a km²).
        cells_per_degree: of the result; by default the source's own cells where they are in
            EPSG:4326, else the usual number next to the source's cells.
        bounds: west, south, east, north in degrees: only what meets this is kept.
        replace: retire a raster that is there.
        progress: called after each window.

    Raises:
        Segment1BError: as `open_source` and `place_input`; E105_NORMALIZATION for a negative or
            infinite value that is not nodata; E002_RASTER_MISMATCH where the result is too large.
    """
    with ExitStack() as stack:
        stack.enter_context(plain_environment())
        opened = [stack.enter_context(open_source(path)) for path in sources]
        grid, kept = choose_grid(opened, cells_per_degree, bounds)
        work = stack.enter_context(root.staging_area())
        totals = {str(path): SourceTotal() for path in sources}
        counter = _Counter(opened, progress)
        draft = work / "draft.tif"
        if kept and len(opened) == 1 and kind == "counts":
            stored = _copy(opened[0], grid, draft, totals[str(sources[0])], counter)
        else:
            (work / "chunks").mkdir()
            sums = ChunkStore(work / "chunks", grid.nrows, grid.ncols)
            for source in opened:
                parts = 1 if kept else _parts(source, grid)
                spreader = CellSpreader(source.dataset.transform, degrees_of(source), grid, parts)
                _spread(source, spreader, kind, sums, totals[str(source.path)], counter)
            with open_draft(draft, grid, "float32", nan=False) as output:
                stored = write_windows(output, _chunks(sums, grid))
        _require_people(stored, totals, sources[0])
        target = root.path_for(DATASET)
        staged = work / target.name
        write_cog(draft, staged)
        read_grid(staged)
        placed = place_input(root, DATASET, staged, target, replace=replace)
    return RasterImport(placed, target, grid, kept, totals, stored)


def _require_people(stored: float, totals: Mapping[str, SourceTotal], file: Path) -> None:
    """Refuse a raster that nobody lives in: no state could place a site by it."""
    if stored > 0:
        return
    read = sum(total.read for total in totals.values())
    detail, next_step = "no cell holds people", "check the band and its nodata (gdalinfo -stats)"
    if read:
        detail = f"all {read:,.1f} persons lie outside of the result"
        next_step = "ask for other --countries, or check the CRS that the file names"
    raise Segment1BError("E105_NORMALIZATION", detail, file=file, value=stored, next_step=next_step)


class _Counter:
    def __init__(self, sources: Sequence[RasterSource], progress: Progress | None) -> None:
        self._whole = sum(s.dataset.width * s.dataset.height for s in sources)
        self._done = 0
        self._progress = progress

    def add(self, window: Window) -> None:
        self._done += int(window.width * window.height)
        if self._progress is not None:
            self._progress(self._done, self._whole)


def _copy(
    source: RasterSource, grid: TargetGrid, draft: Path, total: SourceTotal, counter: _Counter
) -> float:
    """The source's cells as they are, its nodata as NaN, less what lies outside of `grid`."""
    assert source.grid is not None
    top = round((source.grid.north - grid.north) / grid.size_y)
    left = round((grid.west - source.grid.west) / grid.size_x)

    def moved() -> Iterator[tuple[Window, NDArray[np.float64]]]:
        for window in source.windows(_WINDOW):
            values = _judged(source, window)
            total.read += float(np.nansum(values))
            row, col = int(window.row_off) - top, int(window.col_off) - left
            cut = values[max(-row, 0) : grid.nrows - row, max(-col, 0) : grid.ncols - col]
            if row < grid.nrows and col < grid.ncols and cut.size:
                total.outside += float(np.nansum(values)) - float(np.nansum(cut))
                yield Window(max(col, 0), max(row, 0), cut.shape[1], cut.shape[0]), cut
            else:
                total.outside += float(np.nansum(values))
            counter.add(window)

    dtype = "float32" if source.exact_in_float32 else "float64"
    with open_draft(draft, grid, dtype, nan=True) as output:
        return write_windows(output, moved())


def _spread(
    source: RasterSource,
    spreader: CellSpreader,
    kind: Kind,
    sums: ChunkStore,
    total: SourceTotal,
    counter: _Counter,
) -> None:
    for window in source.windows(_WINDOW):
        values = _judged(source, window)
        row, col = np.nonzero(np.nan_to_num(values) > 0)
        count = values[row, col]
        row, col = row + int(window.row_off), col + int(window.col_off)
        for at in range(0, len(row), _AT_ONCE):
            piece = slice(at, at + _AT_ONCE)
            people = count[piece]
            if kind == "density":
                area = spreader.areas_km2(row[piece], col[piece])
                flat = abs(source.dataset.transform.determinant) * 1e-6
                people = people * np.where(np.isnan(area), flat, area)
            total.read += (read := float(people.sum()))
            placed = 0.0
            for share in spreader.shares(row[piece], col[piece], people):
                placed += float(share.count.sum())
                total.outside += sums.add(share.row, share.col, share.count)
            total.off_map += max(read - placed, 0.0) if read - placed > 1e-9 * read else 0.0
        counter.add(window)


def _judged(source: RasterSource, window: Window) -> NDArray[np.float64]:
    values = source.read(window)
    odd = (values < 0) | np.isinf(values)
    if odd.any():
        row, col = np.argwhere(odd)[0].tolist()
        raise Segment1BError(
            "E105_NORMALIZATION",
            f"{int(odd.sum())} cells near row {int(window.row_off) + row}, column "
            f"{int(window.col_off) + col} are negative or infinite, and not declared as nodata",
            file=source.path, value=float(values[row, col]),
            next_step="where the value stands for missing data, declare it (gdal_translate "
            f"-a_nodata {exact_text(values[row, col])} in.tif out.tif) and import that",
        )  # fmt: skip
    return values


def _parts(source: RasterSource, grid: TargetGrid) -> int:
    """Parts of a cell's side: four a target cell, or two where its own cells are coarser."""
    ratio = max(
        size / step
        for size, step in zip(cell_degrees(source), (grid.size_x, grid.size_y), strict=True)
    )
    wanted = np.ceil(4 * ratio) if ratio <= 1 else np.ceil(2 * ratio) + 2
    return int(np.clip(wanted, 1, _MOST_PARTS))


def _chunks(sums: ChunkStore, grid: TargetGrid) -> Iterator[tuple[Window, Any]]:
    for top in range(0, grid.nrows, SIDE):
        for left in range(0, grid.ncols, SIDE):
            found = sums.get((top // SIDE, left // SIDE))
            if found is not None:
                high, wide = min(SIDE, grid.nrows - top), min(SIDE, grid.ncols - left)
                yield Window(left, top, wide, high), found[:high, :wide]
