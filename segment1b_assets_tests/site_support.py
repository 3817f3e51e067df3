"""What the tests of S5 to S8 share: a small identity, plans, streams, and an exact country."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets_tests.oracle.geometry import country_takes_point, parse_wkb
from segment1b_assets_tests.oracle.identity import Tokens
from segment1b_assets_tests.oracle.sites import Run

COUNTRY = "FR"
TS = "2025-11-23T00:00:00.000000Z"
IDENTITY = Identity((1 << 64) - 1, "0b" * 32, "c4" * 32)


def oracle_run(identity: Identity = IDENTITY) -> Run:
    tokens = Tokens(
        seed=identity.seed,
        manifest_fingerprint=identity.manifest_fingerprint,
        parameter_hash=identity.parameter_hash,
        run_id=identity.run_id,
    )
    return Run(tokens, TS)


#: merchant -> its plan: (tile_id, n_sites_tile), tiles ascending.
Plan = dict[int, list[tuple[int, int]]]


def plan_batch(plan: Plan) -> pa.RecordBatch:
    rows = [(m, t, n) for m in sorted(plan) for t, n in plan[m]]
    merchant, tile, quota = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.RecordBatch.from_pydict(
        {
            "merchant_id": pa.array(merchant, pa.uint64()),
            "tile_id": pa.array(tile, pa.uint64()),
            "n_sites_tile": pa.array(quota, pa.int64()),
        }
    )


def cut(batch: pa.RecordBatch, at: Sequence[int]) -> list[pa.RecordBatch]:
    """The batch in pieces, cut at the given rows; empty pieces stay."""
    bounds = [0, *sorted(min(a, batch.num_rows) for a in at), batch.num_rows]
    return [batch.slice(a, b - a) for a, b in itertools.pairwise(bounds)]


def drained(stream: PartitionStream) -> tuple[pa.Table, dict[str, bytes]]:
    """All rows of a stream, and its logs whole."""
    chunks = list(stream.chunks)
    logs: dict[str, bytes] = {}
    for chunk in chunks:
        for name, lines in chunk.logs.items():
            logs[name] = logs.get(name, b"") + lines
    return pa.Table.from_batches([c.rows for c in chunks]) if chunks else pa.table({}), logs


def parsed(lines: bytes) -> list[dict[str, Any]]:
    assert not lines or lines.endswith(b"\n")
    return [json.loads(line) for line in lines.splitlines()]


class ExactCountry:
    """A country test that asks the oracle's rational geometry, point by point."""

    def __init__(self, geometry: shapely.Geometry) -> None:
        self.country = parse_wkb(shapely.to_wkb(geometry))
        self.asked = 0

    def inside(
        self,
        tile_id: NDArray[np.uint64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        assert tile_id.shape == lon.shape == lat.shape
        self.asked += lon.size
        points: Iterable[tuple[float, float]] = zip(lon.tolist(), lat.tolist(), strict=True)
        return np.array([country_takes_point(self.country, x, y) for x, y in points], bool)
