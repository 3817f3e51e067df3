"""What an input holds, in a few words, read cheaply: headers, footers and policies."""

from __future__ import annotations

import json

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS, load_policy
from segment1b_assets.storage.input_versions import RUN_IDENTITY, is_fetched
from segment1b_assets.storage.parquet import open_parquet
from segment1b_assets.storage.run_inputs import RunInputs


def input_content(inputs: RunInputs, dataset: str, version: str) -> dict[str, str | int]:
    """An input's own words: a policy's keys, a table's rows, the raster's grid, and its digest.

    Quantities are integers; identifiers and settings are text, also where they are numbers.
    A fault is reported under ``fault``: whoever uses the input raises it.

    Args:
        version: the data version that was found (`input_versions.input_version`).
    """
    try:
        if dataset == RUN_IDENTITY:
            seed, fingerprint = inputs.outlet_run
            found: dict[str, str | int] = {"seed": str(seed), "manifest_fingerprint": fingerprint}
            if is_fetched(inputs, "population_raster_2025"):
                found |= {"parameter_hash": inputs.parameter_hash, "run_id": version}
            return found
        if not is_fetched(inputs, dataset):
            return {"etags": version}
        path = inputs.path(dataset)
        found = {
            "path": inputs.root.relative(path),
            "sha256" if path.is_file() else "receipt": version,
        }
    except Segment1BError as err:
        return {"fault": str(err)}
    try:
        return found | _content(inputs, dataset)
    except Segment1BError as err:
        return found | {"fault": str(err)}


def _content(inputs: RunInputs, dataset: str) -> dict[str, str | int]:
    if dataset in POLICY_MODELS:
        policy = load_policy(dataset, inputs.path(dataset)).model_dump()
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in policy.items()}
    if dataset == "population_raster_2025":
        grid = inputs.grid
        return {
            "grid": f"{grid.nrows:,} rows x {grid.ncols:,} columns",
            "cell": f"{grid.a:.10g} x {-grid.e:.10g} degrees",
            "north_west": f"{grid.c:.10g}, {grid.f:.10g}",
        }
    if dataset == "validation_bundle_1A":
        return {"files": sum(p.is_file() for p in inputs.path(dataset).rglob("*"))}
    files = [inputs.path(dataset)]
    if not files[0].is_file():
        files = inputs.files_of_input(dataset)
    rows = 0
    for path in files:
        with open_parquet(path) as reader:
            rows += reader.metadata.num_rows
    return {"rows": rows, **({"files": len(files)} if len(files) > 1 else {})}
