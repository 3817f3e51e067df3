"""S7's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches
from segment1b_assets.validation.synthesis import judge_synthesis
from segment1b_assets.validation.verdict import Verdict

RULES = {"s7_site_synthesis": tuple(f"A70{n}" for n in range(1, 8))}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    try:
        bounds = CellRuns.from_sorted_tile_ids(
            (
                batch.column("tile_id").to_numpy()
                for batch in batches(inputs, "tile_bounds", country, "E_INPUT_MISSING", ["tile_id"])
            ),
            inputs.grid.ncols,
        )
    except NotAscendingError as err:
        return {"s7_site_synthesis": [Verdict("A707", False, f"tile_bounds: {err}")]}
    verdicts = judge_synthesis(
        country,
        inputs.files("s7_site_synthesis", country),
        tokens=inputs.tokens("s7_site_synthesis", country),
        assignment_files=inputs.files("s5_site_tile_assignment", country),
        jitter_files=inputs.files("s6_site_jitter", country),
        outlets=inputs.outlets(country),
        bounds=bounds,
        grid=inputs.grid,
    )
    return {"s7_site_synthesis": verdicts}
