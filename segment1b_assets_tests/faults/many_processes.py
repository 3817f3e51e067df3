"""The same code location with a process a step, as on executors that spread a run over workers."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository

from segment1b_assets.contracts.states import STATES
from segment1b_assets.definitions import definitions as ours
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets_tests.faults.runs import die_before

definitions = dg.Definitions(
    assets=ours.assets,
    asset_checks=ours.asset_checks,
    jobs=ours.jobs,
    resources=ours.resources,
    executor=dg.multiprocess_executor,
)
_FORK = {"start_method": {"forkserver": {"preload_modules": [__name__]}}, "max_concurrent": 2}


_DIE_AT = "SEGMENT1B_TEST_DIE_AT"
# The server that forks the steps' processes imports this module, and has the variable by then.
if _DIE_AT in os.environ:
    die_before(*json.loads(os.environ[_DIE_AT]))


def in_many_processes(
    root: str,
    states: list[str],
    countries: list[str],
    workers: int,
    told: str,
    ready: str,
    die_at: list[Any] | None,
    **nothing: object,
) -> int:
    """A run whose steps are processes of their own; of which the one that `die_at` meets dies."""
    assert not any(nothing.values())
    if die_at:
        os.environ[_DIE_AT] = json.dumps(die_at)
    repository = ReconstructableRepository.for_module(__name__, "definitions")
    Path(ready).touch()
    with dg.DagsterInstance.get() as instance:
        result = dg.execute_job(
            repository.get_reconstructable_job("everything"),
            instance,
            run_config={
                "resources": {
                    "segment1b": {"config": {"root": root, "workers": workers}},
                },
                "execution": {"config": copy.deepcopy(_FORK)},
            },
            tags={**partition_tags(countries), **EVENTS_PER_COUNTRY},
            asset_selection=[dg.AssetKey(a) for s in states for a in STATES[s].datasets],
        )
        failed = [e.step_key for e in result.all_events if e.is_step_failure]
    Path(told).write_text(json.dumps(failed), "utf-8")
    return 0 if result.success else 1
