"""The whole world, state by state: seconds, CPU, memory, bytes, rows per second.

    python -m benchmarks.world --root DIR [--states s0..s9] [--workers N] [--whole]
        [--plain FR,BR] [--json FILE] [--compare FILE]

Works on a copy of the root's inputs (hard links) beside it, and removes it afterwards. ``--whole``
also runs everything as one ``segment1b run`` through Dagster; what that takes more than the bare
states is Dagster's own. ``--plain`` runs S1 of some countries the plain way and ours in turn, on
one core each and on all cores each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from segment1b_assets.command_line.choices import choose_states


def child(command: list[str], **environment: str) -> dict[str, Any]:
    """Run a command of ours; its figures with wall, CPU and peak memory of the process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    figures: dict[str, Any] = {}
    if output.strip().startswith("{"):
        figures = json.loads(output.strip().splitlines()[-1])
    return {
        **figures,
        "wall_seconds": time.perf_counter() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": usage.ru_maxrss * 1024,
        "bytes_read": usage.ru_inblock * 512,
        "bytes_written": usage.ru_oublock * 512,
    }


def fresh_copy(root: Path, name: str) -> Path:
    """The root's inputs as hard links, without anything made from them."""
    target = Path(tempfile.mkdtemp(prefix=f"{root.name}-{name}-", dir=root.parent))
    for part in ("reference", "config", "layer1/1A"):
        shutil.copytree(root / part, target / part, copy_function=os.link)
    return target


def measure_states(root: Path, states: list[str], workers: int) -> dict[str, dict[str, Any]]:
    """Every state bare, one process each, in order."""
    copy = fresh_copy(root, "bare")
    try:
        return {
            state: child(
                [
                    "-m",
                    "benchmarks.bare_state",
                    "--root",
                    str(copy),
                    "--state",
                    state,
                    "--workers",
                    str(workers),
                ]
            )
            for state in states
        }
    finally:
        shutil.rmtree(copy)


def measure_whole(root: Path, states: str, workers: int) -> dict[str, Any]:
    """Everything in one command, through Dagster, with a history of its own."""
    copy = fresh_copy(root, "whole")
    try:
        home = copy / "home"
        home.mkdir()
        shutil.copy(Path(__file__).resolve().parents[1] / "dagster.yaml", home)
        return child(
            [
                "-m",
                "segment1b_assets.cli",
                "run",
                "--root",
                str(copy),
                "--states",
                states,
                "--workers",
                str(workers),
            ],
            DAGSTER_HOME=str(home),
        )
    finally:
        shutil.rmtree(copy)


def measure_plain(root: Path, countries: str, cores: int, rounds: int = 3) -> dict[str, Any]:
    """The plain way of S1 and ours on the same countries and cores, in turn.

    The plain way takes one country after the other; the cores are Polars' threads to write with.
    """
    chosen = ["--root", str(root), "--countries", countries]
    ratios, pairs = [], []
    for _ in range(rounds):
        plain = child(["-m", "benchmarks.plain_way", *chosen], POLARS_MAX_THREADS=str(cores))
        copy = fresh_copy(root, "ours")
        try:
            chosen[1] = str(copy)
            ours = child(["-m", "benchmarks.ours_for_plain", *chosen, "--workers", str(cores)])
        finally:
            chosen[1] = str(root)
            shutil.rmtree(copy)
        ratios.append(plain["seconds"] / ours["seconds"])
        pairs.append({"plain": plain, "ours": ours})
    return {
        "countries": countries,
        "cores": cores,
        "ratio_median": sorted(ratios)[rounds // 2],
        "ratios": ratios,
        "pairs": pairs,
    }


def table_of(result: dict[str, Any], earlier: dict[str, Any] | None) -> Table:
    table = Table(title=f"{result['root']}, {result['workers'] or 'all'} workers")
    for name in ("state", "rows", "make s", "judge s", "rows/s", "CPU s", "peak MiB", "MB out"):
        table.add_column(name, justify="right")
    if earlier:
        table.add_column("earlier make s", justify="right")
    for state, f in result["states"].items():
        rate = f["rows"] / f["seconds"] if f.get("seconds") else 0
        cells = [
            state,
            f"{f.get('rows', 0):,}",
            f"{f.get('seconds', 0):.1f}",
            f"{f.get('judge_seconds', 0):.1f}",
            f"{rate:,.0f}",
            f"{f['cpu_seconds']:.1f}",
            f"{f['peak_rss_bytes'] / 2**20:,.0f}",
            f"{f.get('bytes', 0) / 1e6:,.1f}",
        ]
        if earlier:
            cells.append(f"{earlier['states'].get(state, {}).get('seconds', 0):.1f}")
        table.add_row(*cells)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--states", default="s0..s9")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--plain", metavar="COUNTRIES")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--compare", type=Path)
    given = parser.parse_args()
    console = Console(width=120)
    root = given.root.absolute()
    states = choose_states(given.states)
    result: dict[str, Any] = {"root": str(root), "workers": given.workers, "cores": os.cpu_count()}
    result["states"] = measure_states(root, states, given.workers)
    earlier = json.loads(given.compare.read_text()) if given.compare else None
    console.print(table_of(result, earlier))
    if given.whole:
        result["whole"] = whole = measure_whole(root, given.states, given.workers)
        bare = sum(f["wall_seconds"] for f in result["states"].values())
        console.print(
            f"one command through Dagster: {whole['wall_seconds']:.1f} s, CPU "
            f"{whole['cpu_seconds']:.1f} s, peak {whole['peak_rss_bytes'] / 2**20:,.0f} MiB; "
            f"the bare states took {bare:.1f} s"
        )
    if given.plain:
        result["plain"] = [
            measure_plain(root, given.plain, cores) for cores in sorted({1, os.cpu_count() or 1})
        ]
        for plain in result["plain"]:
            console.print(
                f"S1 of {given.plain} on {plain['cores']} core(s): "
                f"{plain['ratio_median']:.1f} times the plain way "
                f"({min(plain['ratios']):.1f} to {max(plain['ratios']):.1f})"
            )
    if given.json:
        given.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
