"""Codes in an input that are not on the ISO list: no partition has them; the run reports them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.run_inputs import RunInputs


def of_polygons(inputs: RunInputs) -> dict[str, Segment1BError]:
    """Unknown codes of the polygon table -> E005_ISO_FK."""
    found = dict.fromkeys(inputs.shapes.unknown_codes, "a polygon")
    return _errors("E005_ISO_FK", found, inputs.shapes.file)


def of_catalogue(inputs: RunInputs) -> dict[str, Segment1BError]:
    """Unknown codes of the outlet catalogue, except denied ones -> E302_FK_COUNTRY."""
    denied = inputs.policies["policy.s3.requirements"].denied
    catalogue = inputs.catalogue
    found = {
        code: f"{rows} outlets" for code, rows in catalogue.unknown_codes.items()
        if code not in denied
    }  # fmt: skip
    return _errors("E302_FK_COUNTRY", found, catalogue.folder)


def _errors(code: str, found: Mapping[str, str], file: Path) -> dict[str, Segment1BError]:
    return {
        name: Segment1BError(
            code,
            f"{name!r} is not on the ISO list ({where})",
            country=name,
            file=file,
            value=name,
            next_step=None
            if name.upper() == name
            else f"did you mean {name.upper()}? Correct the code and re-run",
        )
        for name, where in found.items()
    }
