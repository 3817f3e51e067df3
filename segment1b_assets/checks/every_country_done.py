"""The check that turns a run red: every country that the run was asked for is done.

It is a step of its own, on which nothing depends: later states go on with the good countries, and
the run still ends as failed, naming the bad ones.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from segment1b_assets.assets.parquet_io_manager import failure
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.reports import last_failure
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import RunLedger

NAME = "every_country_done"


def every_country_done(state: str, dataset: str) -> dg.AssetChecksDefinition:
    """The check for one state; outside of a run that made it, it looks at what lies there."""

    @dg.asset_check(
        asset=dataset,
        name=NAME,
        description=f"Fails where a country of the run failed in {state}; names it and its code. "
        "Run by itself, it names the countries whose last try failed.",
    )
    def check(context: dg.AssetCheckExecutionContext, segment1b: Segment1B) -> Any:
        inputs = segment1b.open()
        ledger = RunLedger(inputs.root, context.run.run_id)
        failed = ledger.failures(state) if ledger.ran(state) else _standing_failures(inputs, state)
        yield dg.AssetCheckResult(
            passed=not failed,
            metadata={
                "failed": len(failed),
                **{c: str(e) for c, e in sorted(failed.items())[:50]},
            },
        )
        if failed:
            raise failure(dataset, failed)

    return check


def _standing_failures(inputs: RunInputs, state: str) -> Mapping[str, Segment1BError]:
    found = {}
    for country in inputs.iso_names:
        event = last_failure(inputs, state, country)
        if event is not None:
            found[country] = Segment1BError(event["code"], event["detail"], country=country)
    return found
