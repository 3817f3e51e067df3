"""One state over all countries without Dagster: what the product itself costs.

    python -m benchmarks.bare_state --root DIR --state S1 [--workers N]

Prints one JSON object. ``benchmarks.world`` calls it once a state, so that peak memory is the
state's own.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from segment1b_assets.assets.every_state import PARTITIONED_STATES
from segment1b_assets.storage.memory import peak_rss_bytes
from segment1b_assets.storage.publish_partitions import Done, Job, publish_partitions
from segment1b_assets.storage.reports import write_report
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets.storage.seal import pass_gate
from segment1b_assets.storage.workers import default_workers, run_concurrently
from segment1b_assets.validation.bundle_1b import publish_bundle
from segment1b_assets.validation.judge import judge_dataset
from segment1b_assets.validation.world_findings import judge_world


def run_state(inputs: RunInputs, state_id: str, workers: int) -> dict[str, object]:
    """Make and judge every country of a state; figures by dataset."""
    if state_id == "S0":
        began = time.perf_counter()
        pass_gate(inputs)
        return {"seconds": time.perf_counter() - began, "judge_seconds": 0.0, "rows": 0, "bytes": 0}
    if state_id == "S9":
        began = time.perf_counter()
        findings = judge_world(inputs, workers)
        publish_bundle(inputs, findings)
        assert findings.passed, findings.faults[:5]
        return {"seconds": time.perf_counter() - began, "judge_seconds": 0.0, "rows": 0, "bytes": 0}
    state = next(s for s in PARTITIONED_STATES if s.id == state_id)
    began = time.perf_counter()
    inputs.preload(*state.preload)
    if state.prepare:
        state.prepare(inputs)
    countries = list(inputs.iso_names)
    rows = size = 0
    for dataset, opener in state.streams.items():
        jobs = [
            Job(
                dataset,
                c,
                lambda c=c, opener=opener: opener(inputs, c),  # type: ignore[misc]
                state.cost(inputs, c),
            )
            for c in countries
        ]
        for outcome in publish_partitions(inputs, jobs, workers, lambda done: done):
            assert isinstance(outcome, Done), outcome
            write_report(inputs, state_id, outcome.country, dataset, outcome.output)
            rows += int(outcome.output["rows_emitted"])
            size += int(outcome.output["bytes_on_disk"])
    made = time.perf_counter()
    by_cost = sorted(countries, key=lambda c: -state.cost(inputs, c))
    broken = [
        (country, verdict.code, verdict.detail)
        for dataset in state.streams
        for country, verdicts in run_concurrently(
            lambda c, dataset=dataset: (c, judge_dataset(inputs, dataset, c)),  # type: ignore[misc]
            by_cost,
            workers,
        )
        for verdict in verdicts
        if not verdict.passed
    ]
    assert not broken, broken[:5]
    return {
        "seconds": made - began,
        "judge_seconds": time.perf_counter() - made,
        "rows": rows // len(state.streams),
        "bytes": size,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    workers = given.workers or default_workers()
    figures = run_state(RunInputs(RunOptions(given.root)), given.state, workers)
    print(json.dumps({**figures, "workers": workers, "peak_rss_bytes": peak_rss_bytes()}))


if __name__ == "__main__":
    main()
