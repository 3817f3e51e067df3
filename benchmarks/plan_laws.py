"""S4 by both laws over the same S1 to S3: seconds and memory of each in a process of its own.

    python -m benchmarks.plan_laws --root DIR [--countries FR,BR] [--workers 2]

Needs S0 to S3. Runs S4's own stream of each country with outlets, its policy replaced, so that both
laws read the same partitions through storage; rows and logs are written to a temporary folder with
the states' writer, and nothing is published. Prints one JSON object a law.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.world import child
from segment1b_assets.assets.s4_alloc_plan import S4
from segment1b_assets.contracts.policies import load_policy
from segment1b_assets.contracts.starting_files import starting_policies
from segment1b_assets.storage.memory import keep_freed_memory, peak_rss_bytes
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets.storage.stage_partition import stage_partition
from segment1b_assets.storage.workers import default_workers, run_concurrently

LAWS = {
    "plain": b'policy_version: "1"\nenabled: false\n',
    "arc": starting_policies()["policy.s4.alloc_plan"],
}
_SUMMED = ("pairs", "sites", "rows", "tiles_read", "rng_events")


def run_law(inputs: RunInputs, law: str, countries: list[str], workers: int) -> dict[str, Any]:
    """Make every country's plan by one law."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.yaml").write_bytes(LAWS[law])
        replaced = {
            "policy.s4.alloc_plan": load_policy("policy.s4.alloc_plan", folder / "policy.yaml")
        }
        inputs.preload(*S4.preload)
        inputs.__dict__["policies"] = {**inputs.policies, **replaced}

        def make(country: str) -> dict[str, Any]:
            stream = S4.streams["s4_alloc_plan"](inputs, country)
            work = folder / country
            work.mkdir()
            staged = stage_partition(inputs, "s4_alloc_plan", country, stream, work)
            return {**stream.facts, "rows": staged.rows}

        wall, cpu = time.perf_counter(), time.process_time()
        by_cost = sorted(countries, key=lambda c: -inputs.demand(c))
        found = list(run_concurrently(make, by_cost, workers))
        return {
            "law": law,
            "countries": len(found),
            **{key: sum(facts.get(key, 0) for facts in found) for key in _SUMMED},
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
            "peak_rss_mib": peak_rss_bytes() >> 20,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True)
    parser.add_argument("--countries", help="codes with commas; default all with outlets")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--law", choices=sorted(LAWS), help="only this one, in this process")
    given = parser.parse_args()
    if given.law is None:
        for law in LAWS:
            figures = child(["-m", "benchmarks.plan_laws", *sys.argv[1:], "--law", law])
            print(json.dumps({key: figures[key] for key in figures if key in _SHOWN}), flush=True)
        return
    keep_freed_memory()
    inputs = RunInputs(RunOptions(given.root))
    countries = given.countries.split(",") if given.countries else inputs.demanded
    workers = given.workers or default_workers()
    print(json.dumps(run_law(inputs, given.law, countries, workers)))


_SHOWN = ("law", "countries", *_SUMMED, "seconds", "cpu_seconds", "peak_rss_mib")


if __name__ == "__main__":
    main()
