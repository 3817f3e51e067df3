"""The ``segment1b`` command."""

from __future__ import annotations

import sys

import click

from segment1b_assets.command_line.check_inputs import check_inputs
from segment1b_assets.command_line.gate import export, gate
from segment1b_assets.command_line.import_inputs import import_group
from segment1b_assets.command_line.init import init
from segment1b_assets.command_line.map import draw_map
from segment1b_assets.command_line.retire import retire
from segment1b_assets.command_line.run import run
from segment1b_assets.command_line.status import status
from segment1b_assets.command_line.verify import verify
from segment1b_assets.command_line.world import world
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.io_faults import io_error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="segment1b-assets")
def group() -> None:
    """Segment 1B: from a population raster, country polygons and an outlet catalogue to sites."""


for command in (
    init,
    import_group,
    check_inputs,
    run,
    status,
    verify,
    gate,
    export,
    draw_map,
    retire,
    world,
):
    group.add_command(command)


def main() -> None:
    """Entry point: bad data and a machine that refuses are told in one line, exit status 1."""
    try:
        group(prog_name="segment1b")
    except Segment1BError as err:
        click.echo(str(err), err=True)
        sys.exit(1)
    except OSError as err:
        click.echo(str(io_error(err, "a file of this command", tries=1)), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
