"""``segment1b verify``: have the validators judge what lies under a root, publishing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import click

from segment1b_assets.command_line.choices import (
    choose_countries,
    choose_states,
    root_options,
    run_inputs_from,
    summary_of_codes,
)
from segment1b_assets.command_line.interruption import Interrupted
from segment1b_assets.command_line.json_output import (
    console_for,
    error_row,
    json_option,
    print_document,
)
from segment1b_assets.command_line.wording import count
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES, State
from segment1b_assets.storage.pass_flag import pass_flag

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from segment1b_assets.storage.run_inputs import RunInputs

#: Broken rules that are printed in full.
PRINTED = 100


@dataclass
class Rule:
    """What one rule came to over the countries that were judged."""

    state: str
    dataset: str
    code: str
    held: int = 0
    broken_by: list[str] = field(default_factory=list)


@dataclass
class Judgement:
    """What `verify` found.

    Attributes:
        partitions: countries that were judged, summed over the states, and the bundle.
        derived: partitions that were derived anew.
        faults: broken rules: state, dataset, and the error.
        differences: the same for partitions that, derived anew, come out otherwise.
    """

    partitions: int = 0
    derived: int = 0
    rules: list[Rule] = field(default_factory=list)
    faults: list[tuple[str, str, Segment1BError]] = field(default_factory=list)
    differences: list[tuple[str, str, Segment1BError]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A line for whatever is wrong."""
        wrong = [*self.faults, *self.differences]
        return [f"{state} {dataset} {error}" for state, dataset, error in wrong]


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option("--states", default="s1..s8", help="Such as s1 or s1..s4.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="0 is one a core.")
@click.option("--deep", is_flag=True, help="Derive every partition anew, too, and compare bytes.")
@click.option("--all", "everything", is_flag=True, help="Every rule, and every broken one in full.")
@json_option
def verify(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    countries: str,
    states: str,
    workers: int,
    deep: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Judge every published partition by every rule; exit status 1 if one is broken.

    With s9 among the states, the flag and the files that it vouches for, too. With --deep each
    partition and its logs are also derived anew from the inputs and the published states before
    it, into a staging area, and compared byte by byte; nothing is published.
    """
    from segment1b_assets.storage.workers import default_workers

    console = console_for(as_json, 140)
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(countries, inputs)
    chosen_states = choose_states(states)
    threads = workers or default_workers()
    found = Judgement()
    try:
        if deep:
            inputs.hash_inputs_anew()
        for state in COUNTRY_STATES:
            if state.id in chosen_states:
                _judge_state(inputs, state, chosen, threads, found)
                if deep:
                    _derive_state(inputs, state, chosen, threads, found)
        if "S9" in chosen_states:
            _judge_flag(inputs, found)
    except Interrupted as stop:
        console.print(f"interrupted by {stop.signal.name}, {_counts(found, deep)}", highlight=False)
        if not as_json:
            raise SystemExit(stop.exit_status) from stop
        raise
    status = 1 if found.lines() or not found.partitions else 0
    if as_json:
        print_document("verify", status, _document(inputs.root.uri, found))
    else:
        _show(console, found, inputs.root.uri, deep, everything)
    if status:
        raise SystemExit(status)


def _judge_state(
    inputs: RunInputs, state: State, chosen: Sequence[str], workers: int, found: Judgement
) -> None:
    counted = 0
    for dataset in state.datasets:
        try:
            counted = max(counted, _judge(inputs, state.id, dataset, chosen, workers, found))
        except Segment1BError as err:
            found.faults.append((state.id, dataset, err))
            break
    found.partitions += counted


def _judge(
    inputs: RunInputs,
    state: str,
    dataset: str,
    chosen: Sequence[str],
    workers: int,
    found: Judgement,
) -> int:
    """Judge a dataset of some countries; returns how many of them are published."""
    from segment1b_assets.storage.workers import run_concurrently
    from segment1b_assets.validation.judge import RULES, judge_dataset

    published = [c for c in chosen if inputs.has_files(dataset, c)]
    verdicts = dict(
        run_concurrently(lambda c: (c, judge_dataset(inputs, dataset, c)), published, workers)
    )
    rules = {code: Rule(state, dataset, code) for code in RULES[dataset]}
    for country in sorted(verdicts):
        for verdict in verdicts[country]:
            rule = rules.setdefault(verdict.code, Rule(state, dataset, verdict.code))
            if verdict.passed:
                rule.held += 1
            elif verdict.judged:
                rule.broken_by.append(country)
                error = Segment1BError(
                    verdict.code,
                    verdict.detail,
                    country=country,
                    file=inputs.path(dataset, country),
                    next_step=verdict.next_step(dataset, country),
                )
                found.faults.append((state, dataset, error))
    found.rules += [rules[code] for code in sorted(rules)]
    return len(verdicts)


def _derive_state(
    inputs: RunInputs, state: State, chosen: Sequence[str], workers: int, found: Judgement
) -> None:
    # Imports Dagster, for the states' streams stand beside their assets.
    from segment1b_assets.command_line.derive import derive_state

    try:
        for derived in derive_state(inputs, state.id, chosen, workers):
            found.derived += 1
            found.differences += [(state.id, derived.dataset, e) for e in derived.differences]
    except Segment1BError as err:
        found.differences.append((state.id, state.main, err))


def _judge_flag(inputs: RunInputs, found: Judgement) -> None:
    found.partitions += 1
    try:
        pass_flag(inputs.root.uri, *inputs.outlet_run)
    except Segment1BError as err:
        found.faults.append(("S9", "validation_bundle_1B", err))


def _counts(found: Judgement, deep: bool) -> str:
    said = f"{count(found.partitions, 'partition')} judged, "
    said += f"{count(len(found.faults), 'rule')} broken"
    if deep:
        said += f", {found.derived:,} derived anew, {len(found.differences):,} differing"
    return said


def _show(console: Console, found: Judgement, root: str, deep: bool, everything: bool) -> None:
    console.print(_table(found, root, everything))
    lines = found.lines()
    printed = len(lines) if everything else PRINTED
    for line in lines[:printed]:
        console.print(line, style="red", highlight=False, markup=False)
    if len(lines) > printed:
        console.print(f"… and {len(lines) - printed:,} more; --all prints them", style="red")
    console.print(_counts(found, deep), highlight=False)


def _table(found: Judgement, root: str, everything: bool) -> Table:
    """A row for each broken rule; the rules that hold are counted, or listed too."""
    from rich.table import Table

    table = Table(title=f"rules under {root}")
    for name in ("state", "dataset", "rule"):
        table.add_column(name, no_wrap=True)
    for name in ("held", "broken"):
        table.add_column(name, justify="right")
    table.add_column("by", overflow="fold")
    for dataset in dict.fromkeys(rule.dataset for rule in found.rules):
        rules = [r for r in found.rules if r.dataset == dataset]
        holding = [r for r in rules if not r.broken_by]
        if holding and not everything:
            countries = max(r.held for r in holding)
            label = f"[green]{count(len(holding), 'rule')}[/]"
            table.add_row(rules[0].state, dataset, label, str(countries), "0", "")
        for rule in rules:
            if rule.broken_by or everything:
                style = "red" if rule.broken_by else "green"
                by = ", ".join(rule.broken_by) if everything else summary_of_codes(rule.broken_by)
                table.add_row(
                    rule.state, dataset, f"[{style}]{rule.code}[/]",
                    str(rule.held), str(len(rule.broken_by)), by,
                )  # fmt: skip
    return table


def _document(root: str, found: Judgement) -> dict[str, Any]:
    return {
        "root": root,
        "partitions": found.partitions,
        "derived": found.derived,
        "rules": [asdict(rule) for rule in found.rules],
        "faults": _fault_rows(found.faults),
        "differences": _fault_rows(found.differences),
    }


def _fault_rows(faults: Sequence[tuple[str, str, Segment1BError]]) -> list[dict[str, Any]]:
    return [{"state": s, "dataset": dataset, **error_row(e)} for s, dataset, e in faults]
