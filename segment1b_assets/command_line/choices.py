"""What the options mean: roots, countries, ranges of states."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from segment1b_assets.command_line.country_names import meant_country
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import ROOT_VARIABLE, default_root

if TYPE_CHECKING:
    from segment1b_assets.storage.run_inputs import RunInputs

F = TypeVar("F", bound=Callable[..., Any])
STATES = tuple(f"S{n}" for n in range(10))
_RANGE = re.compile(r"s([0-9])(?:\.\.s([0-9]))?", re.IGNORECASE)


def root_options(command: F) -> F:
    """--root, --seed and --manifest-fingerprint, as every subcommand has them."""
    for option in (
        click.option(
            "--manifest-fingerprint",
            help="The 1A run's fingerprint (64 hex), if there are several.",
        ),
        click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), help="The 1A run's seed."),
        click.option(
            "--root",
            help="Data root: a folder, or s3://bucket/prefix; default "
            f"${ROOT_VARIABLE}, else data/ in the repository.",
        ),
    ):
        command = option(command)
    return command


def run_inputs_from(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
) -> RunInputs:
    """The inputs that the options name; the root must exist."""
    # Imported here: `gate` has the options, too, and answers before this import would be done.
    from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs

    return open_run_inputs(RunOptions(chosen_root(root), seed, manifest_fingerprint))


def chosen_root(root: str | None) -> str:
    """The root that --root names, or the default one: a URL, or an absolute path of a folder."""
    from segment1b_assets.storage.open_root import in_a_store

    place = root or default_root()
    if in_a_store(place):
        return place
    folder = Path(place).absolute()
    if not folder.is_dir():
        raise click.BadParameter(f"{folder} is not a folder", param_hint="--root")
    return str(folder)


def choose_states(text: str) -> list[str]:
    """ "s0..s9", "s1", "s1,s3..s4" -> state ids in order."""
    chosen: set[str] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise click.BadParameter(
                f"{part!r} is not of the form s1 or s1..s4", param_hint="--states"
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise click.BadParameter(
                f"{part!r} runs backwards: write s{last}..s{first}", param_hint="--states"
            )
        chosen.update(STATES[first : last + 1])
    return sorted(chosen)


def choose_countries(text: str, inputs: RunInputs) -> list[str]:
    """ "FR,DE" or "all" -> codes on the root's ISO list, in alphabetical order.

    Raises:
        Segment1BError: E005_ISO_FK for a code that is not on the list.
    """
    listed = [c for c in COUNTRY_CODES if c in inputs.iso_names]
    if text.strip().lower() == "all":
        return listed
    chosen = {part.strip() for part in text.split(",") if part.strip()}
    for code in sorted(chosen):
        if code not in listed:
            near = meant_country(code, inputs.iso_names, inputs.iso_list.alpha3)
            raise Segment1BError(
                "E005_ISO_FK",
                f"{code!r} is not on the ISO list",
                file=inputs.root.path_for("iso3166_canonical_2024"),
                value=code,
                next_step=f"did you mean {near}?" if near in listed else None,
            )
    if not chosen:
        raise click.BadParameter("names no country", param_hint="--countries")
    return sorted(chosen)


def summary_of_codes(codes: Sequence[str]) -> str:
    """A dozen codes, and how many more."""
    shown = ", ".join(codes[:12])
    return shown if len(codes) <= 12 else f"{shown} … (+{len(codes) - 12})"
