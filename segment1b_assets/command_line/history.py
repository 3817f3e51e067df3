"""``segment1b history``: how large Dagster's history of a root is, and what may go."""

from __future__ import annotations

import click

from segment1b_assets.command_line.choices import chosen_root
from segment1b_assets.command_line.dagster_home import use_dagster_home
from segment1b_assets.command_line.history_files import give_back, history_bytes
from segment1b_assets.command_line.json_output import json_option, print_document
from segment1b_assets.command_line.wording import count, size
from segment1b_assets.storage.data_root import ROOT_VARIABLE


@click.command()
@click.option(
    "--root",
    help=f"The data root whose history it is; default ${ROOT_VARIABLE}, else data/ in a clone.",
)
@click.option(
    "--prune",
    "days",
    type=click.FloatRange(0),
    metavar="DAYS",
    help="Delete runs that ended more than so many days ago, but for those that hold what is "
    "current.",
)
@click.option("--dry-run", is_flag=True, help="With --prune: say how many, delete none.")
@json_option
def history(root: str | None, days: float | None, dry_run: bool, as_json: bool) -> None:
    """Show how many runs the history holds and its size; with --prune, delete old runs.

    A run that holds the newest materialisation, observation or check evaluation of a partition
    stays. Published data is not touched.
    """
    if dry_run and days is None:
        raise click.BadParameter("says what --prune would do", param_hint="--dry-run")
    home = use_dagster_home(chosen_root(root))
    # Dagster takes two seconds to import: not before the options are known to be good.
    import dagster as dg

    from segment1b_assets.automation.history import delete_runs, old_runs
    from segment1b_assets.definitions import definitions

    before = history_bytes(home)
    checks = definitions.resolve_asset_graph().asset_check_keys
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs_count()
        found = None if days is None else old_runs(instance, checks, days)
        if found is not None and not dry_run:
            delete_runs(instance, found.to_delete)
    busy = [] if found is None or dry_run else give_back(home, found.to_delete)
    after = history_bytes(home)
    if as_json:
        content = {"history": str(home), "runs": runs, "bytes": before}
        if found is not None:
            content |= {
                "deleted": 0 if dry_run else len(found.to_delete),
                "kept": runs if dry_run else found.kept,
                "kept_current": found.current,
                "to_delete": len(found.to_delete) if dry_run else 0,
                "bytes_after": after,
            }
        print_document("history", 0, content)
        return
    click.echo(f"{home}: {count(runs, 'run')}, {_size(before)}")
    if found is None:
        return
    verb = "would be deleted" if dry_run else "deleted"
    click.echo(
        f"{count(len(found.to_delete), 'run')} {verb}, {found.kept} kept: "
        f"{found.current} for what they hold of the present, {found.younger} not that old"
    )
    if not dry_run:
        click.echo(f"{_size(before)} before, {_size(after)} after")
    for path in busy:
        click.echo(f"{path.name} is in use and keeps its size; prune again when nothing runs")


def _size(number: int | None) -> str:
    return "databases elsewhere" if number is None else size(number)
