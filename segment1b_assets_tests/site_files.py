"""A country's S3 to S8 as published files, made by the states themselves, for tests to spoil."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from segment1b_assets.contracts.policies import JitterMode
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.assignment import site_tile_assignment
from segment1b_assets.core.cell_box import CellBoxes
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.jitter import site_jitter
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.site_batches import site_rows
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.synthesis import site_locations, site_synthesis
from segment1b_assets.storage.catalogue import Outlets
from segment1b_assets.storage.parquet import PartitionWriter, lineage_of, read_batches
from segment1b_assets.validation.judges.s5_assignment import judge_assignment
from segment1b_assets.validation.judges.s6_jitter import judge_jitter
from segment1b_assets.validation.judges.s7_synthesis import judge_synthesis
from segment1b_assets.validation.judges.s8_site_locations import judge_site_locations
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets_tests.site_support import (
    COUNTRY,
    IDENTITY,
    TS,
    ExactCountry,
    Plan,
    plan_batch,
)

TOKENS = {k: v for k, v in IDENTITY.tokens.items() if k != "run_id"}
GRID = Grid(a=0.25, c=-1.0, e=-0.25, f=1.0, nrows=8, ncols=8)
#: Most cells are cut by an edge; a hole, an island in it, a corner on a grid corner.
SHAPE = shapely.union_all(
    [
        shapely.Polygon(
            [(-0.9, -0.9), (0.8, -0.75), (0.75, 0.8), (0.0, 0.5), (-0.8, 0.9)],
            [[(-0.4, -0.4), (0.4, -0.3), (0.3, 0.3), (-0.3, 0.4)]],
        ),
        shapely.box(-0.1, -0.1, 0.125, 0.125),
    ]
)
POLYGON = CountryPolygon.from_geometry(COUNTRY, SHAPE)
TILES = [
    t
    for t in range(64)
    if shapely.box(
        GRID.lon_edges[t % 8], GRID.lat_edges[t // 8 + 1], GRID.lon_edges[t % 8 + 1],
        GRID.lat_edges[t // 8],
    ).intersection(SHAPE).area > 0.006
]  # fmt: skip
RUNS = CellRuns.from_sorted_tile_ids([np.array(TILES, np.uint64)], 8)
#: Four pairs: a large one, one site, several sites in one tile, and ids with the top bit.
PLAN: Plan = {
    7: [(t, 2) for t in TILES[:12]],
    8: [(TILES[5], 1)],
    1 << 63: [(TILES[2], 5)],
    (1 << 64) - 1: [(TILES[3], 1), (TILES[9], 3)],
}


@dataclass(frozen=True)
class SiteFiles:
    """Where the files are; `judge` gives every verdict of S5 to S8."""

    root: Path
    mode: JitterMode = "uniform_v1"

    def folder(self, dataset: str) -> Path:
        return self.root / dataset

    def file(self, dataset: str) -> Path:
        return self.folder(dataset) / "part-00000.parquet"

    def log(self, name: str) -> Path:
        return self.root / f"{name}.jsonl"

    def outlets(self) -> Outlets:
        counts = [(m, sum(n for _, n in PLAN[m])) for m in sorted(PLAN)]
        return Outlets(
            np.concatenate([np.full(n, m, np.uint64) for m, n in counts]),
            np.concatenate([np.arange(1, n + 1, dtype=np.int64) for _, n in counts]),
        )

    def judge_s5(self) -> list[Verdict]:
        return judge_assignment(
            COUNTRY,
            [self.file("s5_site_tile_assignment")],
            identity=IDENTITY,
            ts_utc=TS,
            tokens=TOKENS,
            plan_files=[self.file("s4_alloc_plan")],
            requirement_files=[self.file("s3_requirements")],
            tiles=RUNS,
            events=self.log("rng_events_site_tile_assign"),
            trace=self.log("rng_trace_site_tile_assign"),
        )

    def judge_s6(
        self, max_attempts: int = 4096, polygon: CountryPolygon | None = POLYGON
    ) -> list[Verdict]:
        return judge_jitter(
            COUNTRY,
            [self.file("s6_site_jitter")],
            identity=IDENTITY,
            ts_utc=TS,
            tokens=TOKENS,
            assignment_files=[self.file("s5_site_tile_assignment")],
            tiles=RUNS,
            grid=GRID,
            polygon=polygon,
            mode=self.mode,
            max_attempts=max_attempts,
            events=self.log("rng_events_in_cell_jitter"),
            trace=self.log("rng_trace_in_cell_jitter"),
        )

    def judge_s7(self) -> list[Verdict]:
        return judge_synthesis(
            COUNTRY,
            [self.file("s7_site_synthesis")],
            tokens=TOKENS,
            assignment_files=[self.file("s5_site_tile_assignment")],
            jitter_files=[self.file("s6_site_jitter")],
            outlets=self.outlets(),
            bounds=RUNS,
            grid=GRID,
        )

    def judge_s8(self) -> list[Verdict]:
        return judge_site_locations(
            COUNTRY,
            [self.file("site_locations")],
            tokens=TOKENS,
            synthesis_files=[self.file("s7_site_synthesis")],
            outlets=self.outlets(),
            grid=GRID,
        )

    def judges(self) -> dict[str, Callable[[], list[Verdict]]]:
        """Dataset -> its validator."""
        return {
            "s5_site_tile_assignment": self.judge_s5,
            "s6_site_jitter": self.judge_s6,
            "s7_site_synthesis": self.judge_s7,
            "site_locations": self.judge_s8,
        }

    def respell(self, dataset: str, change: Callable[[pa.Table], pa.Table]) -> None:
        """Write a dataset's rows anew, changed, with its schema and lineage as they were."""
        path = self.file(dataset)
        table = change(pq.ParquetFile(path).read())
        pq.write_table(table.replace_schema_metadata(lineage_of(path)), path)

    def rewrite_line(self, name: str, number: int, change: Callable[[bytes], bytes]) -> None:
        """Change one line of a log; `change` gets it with its line feed."""
        path = self.log(name)
        lines = path.read_bytes().splitlines(keepends=True)
        lines[number] = change(lines[number])
        path.write_bytes(b"".join(lines))


def make_site_files(root: Path, mode: JitterMode = "uniform_v1") -> SiteFiles:
    """Run S5 to S8 over PLAN and publish what they give under `root`."""
    files = SiteFiles(root, mode)
    plan = plan_batch(PLAN)
    tiles = plan.column("tile_id").to_numpy()
    boxes = CellBoxes.of(POLYGON, GRID, tiles) if mode == "uniform_v2" else None
    counts = {m: sum(n for _, n in PLAN[m]) for m in sorted(PLAN)}
    _write(
        files, "s4_alloc_plan",
        [site_rows("s4_alloc_plan", COUNTRY, **{n: plan.column(n) for n in plan.schema.names})],
    )  # fmt: skip
    _write(
        files, "s3_requirements",
        [
            site_rows(
                "s3_requirements", COUNTRY,
                merchant_id=np.array(list(counts), np.uint64), n_sites=list(counts.values()),
            )
        ],
    )  # fmt: skip
    _drain(files, "s5_site_tile_assignment", site_tile_assignment(COUNTRY, IDENTITY, TS, [plan]))
    _drain(
        files, "s6_site_jitter",
        site_jitter(
            COUNTRY, IDENTITY, TS, _batches(files, "s5_site_tile_assignment"), GRID,
            ExactCountry(SHAPE), 4096, boxes=boxes,
        ),
    )  # fmt: skip
    _drain(
        files,
        "s7_site_synthesis",
        site_synthesis(COUNTRY, _batches(files, "s6_site_jitter"), GRID),
    )
    _drain(files, "site_locations", site_locations(COUNTRY, _batches(files, "s7_site_synthesis")))
    return files


def _batches(files: SiteFiles, dataset: str) -> list[pa.RecordBatch]:
    return list(read_batches([files.file(dataset)]))


def _drain(files: SiteFiles, dataset: str, stream: PartitionStream) -> None:
    batches = []
    for chunk in stream.chunks:
        batches.append(chunk.rows)
        for name, lines in chunk.logs.items():
            with files.log(name).open("ab") as log:
                log.write(lines)
    _write(files, dataset, batches)


def _write(files: SiteFiles, dataset: str, batches: list[pa.RecordBatch]) -> None:
    files.folder(dataset).mkdir(parents=True)
    lineage = {**TOKENS, "country": COUNTRY}
    with PartitionWriter(files.folder(dataset), TABLES[dataset], lineage) as writer:
        for batch in batches:
            writer.write(batch)


def failed(verdicts: list[Verdict]) -> dict[str, str]:
    """Rules that fail, and what they say."""
    return {v.code: v.detail for v in verdicts if not v.passed}


def changed(value: Any, name: str) -> Any:
    """The least change of a value."""
    if isinstance(value, str):
        return value[:-1] + ("A" if value[-1] != "A" else "B")
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    return value - 1 if name == "merchant_id" and value == 2**64 - 1 else value + 1


def with_value(table: pa.Table, name: str, row: int, value: Any) -> pa.Table:
    """The table with one value replaced."""
    at = table.schema.get_field_index(name)
    field = table.schema.field(name)
    values = table.column(name).to_pylist()
    values[row] = value
    return table.set_column(at, field, pa.array(values, field.type))
