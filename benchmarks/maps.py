"""Milliseconds a picture: three maps of each country of a published root, drawn in turn.

    python -m benchmarks.maps --root DIR [--countries FR,FJ,LU] [--rounds 5]

Each round draws every map once; the median round counts. To compare two versions, run them in
turn with ``PYTHONPATH`` set to each tree.
"""

from __future__ import annotations

import argparse
import statistics
import time

from segment1b_assets.maps.published import map_of
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs

DATASETS = ("tile_index", "tile_weights", "site_locations")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--root", required=True)
    parser.add_argument("--countries", default="FR,FJ,LU,MV,SE,BR,US,IN,ZA,JP")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    inputs = open_run_inputs(RunOptions(options.root, None, None))
    wanted = [
        (dataset, country)
        for country in options.countries.split(",")
        for dataset in DATASETS
        if inputs.is_published(dataset, country)
    ]
    sizes = [len(map_of(inputs, *pair)) for pair in wanted]  # the first drawing loads fonts
    rounds = []
    for _ in range(options.rounds):
        started = time.process_time()
        for dataset, country in wanted:
            map_of(inputs, dataset, country)
        rounds.append((time.process_time() - started) * 1000 / len(wanted))
    print(
        f"{len(wanted)} maps: median {statistics.median(rounds):.1f} ms CPU a map, "
        f"least {min(rounds):.1f}; bytes {min(sizes):,} to {max(sizes):,}"
    )


if __name__ == "__main__":
    main()
