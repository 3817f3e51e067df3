"""What every row of a tile table must keep: ids on the grid and in order, the cell's values."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError
from segment1b_assets.core.grid import Grid
from segment1b_assets.storage.tile_sets import tile_sets
from segment1b_assets.validation.columns import Arrays, Columns
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import checked_batches

#: A column's value at each raster row or column, shape (nrows,) or (ncols,), of eight bytes each.
Lookup = tuple[Literal["row", "col"], NDArray[Any]]
#: More to judge of a block: the block, and the raster row of each tile.
JudgeBlock = Callable[[Arrays, NDArray[np.intp]], None]

#: Rows held at once; few enough that a block's columns stay in the processor's cache.
BLOCK_ROWS: Final = 1 << 16


def judge_tiles(
    dataset: str,
    files: Sequence[Path],
    constants: Mapping[str, tuple[str, str]],
    lookups: Mapping[str, Lookup],
    grid: Grid,
    findings: Findings,
    more: JudgeBlock | None = None,
) -> CellRuns | None:
    """Judge E003 (ids strictly ascend) and E004 (values are the grid's) in one pass.

    Args:
        constants: text column -> (its value, the rule that another one breaks).
        lookups: column -> what it must be, bit for bit.

    Returns:
        The file's cells; None where ids repeat, descend or are off the grid.

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA if the files are not this table's.
    """
    stamp = tile_sets.stamp(files)
    stream = _judged_ids(dataset, files, constants, lookups, grid, findings, more)
    try:
        cells = CellRuns.from_sorted_tile_ids(stream, grid.ncols)
    except NotAscendingError as err:
        where = f"row {err.position}"
        findings.add("E003_DUP_TILE", f"tile_id {err.value} follows tile_id {err.before}",
                     where=where, value=err.value)  # fmt: skip
        deque(stream, maxlen=0)
        return None
    except OverflowError:  # off the grid by far: a finding of E004's
        deque(stream, maxlen=0)
        return None
    if cells.count and int(cells.stops[-1]) > grid.nrows * grid.ncols:
        return None
    tile_sets.keep(stamp, cells)
    return cells


def read_tiles(files: Sequence[Path], ncols: int) -> CellRuns:
    """The tiles of a tile table's files.

    Raises:
        NotAscendingError, OverflowError: as `CellRuns.from_sorted_tile_ids`.
        Segment1BError: E_INPUT_SCHEMA if the files cannot be read.
    """

    def read() -> CellRuns:
        ids = (block["tile_id"] for block in Columns(files, ["tile_id"]).blocks())
        return CellRuns.from_sorted_tile_ids(ids, ncols)

    return tile_sets.of(files, ncols, read)


def _judged_ids(
    dataset: str,
    files: Sequence[Path],
    constants: Mapping[str, tuple[str, str]],
    lookups: Mapping[str, Lookup],
    grid: Grid,
    findings: Findings,
    more: JudgeBlock | None,
) -> Iterator[NDArray[np.uint64]]:
    batches = checked_batches(
        files, TABLES[dataset], {name: value for name, (value, _) in constants.items()},
        rows=BLOCK_ROWS, on_constant=lambda name, fault: findings.add(constants[name][1], fault),
    )  # fmt: skip
    for batch in batches:
        block = {
            field.name: batch.column(field.name).to_numpy(zero_copy_only=True)
            for field in batch.schema
            if field.name not in constants
        }
        tile_id = block["tile_id"]
        # Not divmod: numpy divides by one number without dividing, in half the time.
        row = tile_id // np.uint64(grid.ncols)
        col = tile_id - row * np.uint64(grid.ncols)
        off = row >= grid.nrows
        findings.add_rows("E004_BOUNDS", off, block, ["tile_id"], "is not on the grid", tile_id)
        row[off] = 0
        at = {"row": row.view(np.intp), "col": col.view(np.intp)}
        for name, (axis, values) in lookups.items():
            found, wanted = block[name], values.take(at[axis])
            unlike = found.view(np.int64) != wanted.view(np.int64)
            if unlike.any():
                first = wanted[np.argmax(unlike)].item()
                findings.add_rows(
                    "E004_BOUNDS", unlike, block, ["tile_id", name], f"is not {first!r}", found
                )
        if more is not None:
            more(block, at["row"])
        yield tile_id
