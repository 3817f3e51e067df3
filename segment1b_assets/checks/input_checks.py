"""The checks of the inputs: each has `valid`, judged before it is used (contract §3)."""

from collections.abc import Iterator, Sequence

import dagster as dg

from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.input_versions import SEGMENT_1A
from segment1b_assets.storage.run_inputs import REFERENCES

_INPUTS = {dg.AssetKey(asset_name(d)): d for d in (*REFERENCES, *SEGMENT_1A, *POLICY_MODELS)}
#: Rows of a table; a file with more faults than this has one cause.
_SHOWN = 50


@dg.multi_asset_check(
    name="input_checks",
    specs=[
        dg.AssetCheckSpec(
            "valid", asset=key, description="Everything that is wrong with this input, at once."
        )
        for key in _INPUTS
    ],
    can_subset=True,
)
def check_the_inputs(
    context: dg.AssetCheckExecutionContext, segment1b: Segment1B
) -> Iterator[dg.AssetCheckResult]:
    # Imported when it is run: it opens the raster, and with it GDAL.
    from segment1b_assets.imports.input_check import check_inputs

    found = check_inputs(segment1b.open())
    for key in sorted(context.op_execution_context.selected_asset_check_keys):
        faults = found[_INPUTS[key.asset_key]]
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not faults,
            metadata=_metadata(faults),
        )


def _metadata(faults: Sequence[Segment1BError]) -> dict[str, dg.MetadataValue]:
    if not faults:
        return {"faults": dg.MetadataValue.text("none")}
    rows = [
        {
            "code": fault.code,
            "country": fault.country or "",
            "fault": fault.detail,
            "file": fault.file or "",
            "value": "" if fault.value is None else str(fault.value),
            "next step": fault.next_step,
        }
        for fault in faults[:_SHOWN]
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name) for name in rows[0]])
    return {
        "faults": dg.MetadataValue.text(f"{len(faults)}"),
        "table": dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema=schema),
    }
