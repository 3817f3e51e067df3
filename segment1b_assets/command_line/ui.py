"""``segment1b ui``: the web UI, the daemon and the code location, by one command."""

from __future__ import annotations

import os
import re
import signal
import sys
from importlib import resources
from pathlib import Path

import click

from segment1b_assets.command_line.choices import chosen_root
from segment1b_assets.command_line.dagster_home import use_dagster_home
from segment1b_assets.storage.data_root import ROOT_VARIABLE

_PREFIX = re.compile(r"(/[\w.~-]+)+", re.ASCII)
#: Dagster's advice to use `dg dev`, which an installed package does not bring.
_SUPERSEDED = "ignore:Function `dev_command` is superseded"


@click.command()
@click.option(
    "--root",
    help=f"Data root of the runs; default ${ROOT_VARIABLE}, else data/ in a clone.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option(
    "--path-prefix",
    default="",
    metavar="/PATH",
    help="The path under which a proxy serves it, such as /segment1b.",
)
def ui(root: str | None, port: int, path_prefix: str) -> None:
    """Start the web UI, with the daemon for schedules and backfills; Ctrl-C ends it.

    It listens on this machine only and has no login.
    """
    if path_prefix and _PREFIX.fullmatch(path_prefix) is None:
        raise click.BadParameter(
            f"{path_prefix!r} is not of the form /segment1b", param_hint="--path-prefix"
        )
    chosen = chosen_root(root)
    home = use_dagster_home(chosen)
    os.environ[ROOT_VARIABLE] = chosen
    # `dagster dev` has no option for it; its webserver takes each of its options from a variable.
    os.environ["DAGSTER_WEBSERVER_PATH_PREFIX"] = path_prefix
    import dagster as dg

    # Webserver and daemon would both create the history of a new home, and meet in it.
    with dg.DagsterInstance.get():
        pass
    click.echo(f"http://127.0.0.1:{port}{path_prefix}  root {chosen}, history {home}")
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()
    with resources.as_file(resources.files("segment1b_assets") / "instance") as instance:
        workspace = Path(instance) / "workspace.yaml"
        words = ["-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
        # A background job of a script ignores SIGINT. Dagster would then ignore SIGTERM, too
        # (`automation.signal_handlers`), and nothing but SIGKILL would end the servers.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # In this process's place: signals and the exit status are Dagster's own.
        python = [sys.executable, "-W", _SUPERSEDED]
        os.execv(sys.executable, [*python, "-m", "dagster", "dev", *words])
