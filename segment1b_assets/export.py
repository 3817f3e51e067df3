"""GeoParquet export of the sites: points in OGC:CRS84, streamed country by country."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.parquet import read_batches
from segment1b_assets.storage.pass_flag import PassedSites

_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
}
_SCHEMA = pa.schema(
    [
        pa.field("merchant_id", pa.uint64(), False),
        pa.field("legal_country_iso", pa.string(), False),
        pa.field("site_order", pa.int32(), False),
        pa.field("geometry", pa.binary(), False),
    ],
    metadata={"geo": json.dumps(_GEO)},
)


def export_geoparquet(passed: PassedSites, out: Path, countries: Set[str] | None = None) -> int:
    """Write the sites of some countries (all if None) to one GeoParquet file.

    GeoParquet without a crs key means OGC:CRS84, which is what the coordinates are in.

    Returns:
        The number of sites written.

    Raises:
        Segment1BError: E005_ISO_FK for a country without a partition in the run; E_IO where the
            file cannot be written, and then no part of it is left.
    """
    code_of = {path: path.parent.name.removeprefix("country=") for path in passed.files}
    for country in sorted(countries or ()):
        if country not in code_of.values():
            raise Segment1BError("E005_ISO_FK", "the run has no such country", value=country)
    chosen = [p for p, c in code_of.items() if countries is None or c in countries]
    partial = out.with_name(out.name + ".partial")
    try:
        rows = _write(chosen, partial)
        os.replace(partial, out)
    except OSError as err:
        raise Segment1BError(
            "E_IO", f"the export cannot be written ({err})", file=out,
            next_step="name a file in an existing, writable folder with free space",
        ) from err  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return rows


def _write(files: Sequence[Path], out: Path) -> int:
    rows = 0
    with pq.ParquetWriter(out, _SCHEMA, compression="zstd") as writer:
        for batch in read_batches(files):
            lon, lat = (batch.column(c).to_numpy() for c in ("lon_deg", "lat_deg"))
            points = shapely.to_wkb(shapely.points(np.column_stack([lon, lat])))
            writer.write_batch(
                pa.RecordBatch.from_arrays(
                    [
                        batch.column("merchant_id"),
                        batch.column("legal_country_iso").cast(pa.string()),
                        batch.column("site_order"),
                        pa.array(points, pa.binary()),
                    ],
                    schema=_SCHEMA,
                )
            )
            rows += batch.num_rows
    return rows
