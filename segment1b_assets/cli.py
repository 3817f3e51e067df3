"""The ``segment1b`` command."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NamedTuple

import click

from segment1b_assets.command_line.interruption import Interrupted, raise_when_asked_to_end
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.io_faults import io_error


class Subcommand(NamedTuple):
    """A subcommand's module and its line in ``segment1b --help``."""

    module: str
    name: str
    help: str


SUBCOMMANDS = {
    "init": Subcommand("init", "init", "Make a data root for one's own data."),
    "import": Subcommand(
        "import_inputs", "import_group", "Bring in borders, a raster, a table of merchants."
    ),
    "check-inputs": Subcommand("check_inputs", "check_inputs", "Judge every input at once."),
    "run": Subcommand("run", "run", "Materialise states for countries."),
    "launch": Subcommand(
        "launch", "launch", "Send runs of about the same cost to a web UI's queue."
    ),
    "ui": Subcommand("ui", "ui", "Start the web UI and the daemon, on this machine only."),
    "status": Subcommand("status", "status", "Show what is missing, stale or failed under a root."),
    "verify": Subcommand("verify", "verify", "Check every rule on every published partition."),
    "gate": Subcommand(
        "gate", "gate", "Recompute the PASS flag that consumers of the sites rely on."
    ),
    "export": Subcommand("gate", "export", "Write sites as one GeoParquet file."),
    "map": Subcommand("map", "draw_map", "Draw a published partition's map as PNG."),
    "realism": Subcommand(
        "realism", "realism", "Measure whether the published sites are realistic."
    ),
    "retire": Subcommand("retire", "retire", "Move a published partition aside."),
    "repair": Subcommand("repair", "repair", "Retire a damaged partition and make it again."),
    "history": Subcommand("history", "history", "Show the history of runs, and prune it."),
    "world": Subcommand("world", "world", "Build a reference world."),
}


class SubcommandGroup(click.Group):
    """Imports a subcommand when it is called: Dagster, polars and rasterio take seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = SUBCOMMANDS.get(cmd_name)
        if found is None:
            return None
        module = import_module(f"segment1b_assets.command_line.{found.module}")
        command: click.Command = getattr(module, found.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, found.help) for name, found in SUBCOMMANDS.items()])


@click.group(cls=SubcommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="segment1b-assets")
def group() -> None:
    """Segment 1B: from a population raster, country polygons and an outlet catalogue to sites.

    Exit status: 0 done and in order; 1 something is not, and the output says what; 2 the command
    line itself is wrong; 130 and 143 interrupted by Ctrl-C and SIGTERM.
    """


def main() -> None:
    """Entry point: bad data and faults of the machine give one line and exit status 1."""
    raise_when_asked_to_end()
    try:
        group(prog_name="segment1b")
    except Interrupted as stop:
        click.echo(f"interrupted by {stop.signal.name}", err=True)
        sys.exit(stop.exit_status)
    except Segment1BError as err:
        click.echo(str(err), err=True)
        sys.exit(1)
    except OSError as err:
        click.echo(str(io_error(err, "a file of this command", tries=1)), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
