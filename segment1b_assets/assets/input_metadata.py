"""What an observation of an input shows on the input's page."""

from __future__ import annotations

from typing import Any

import dagster as dg

from segment1b_assets.storage.input_content import input_content
from segment1b_assets.storage.run_inputs import RunInputs


def input_metadata(
    inputs: RunInputs, dataset: str, version: str
) -> dict[str, dg.MetadataValue[Any]]:
    """`input_content` as metadata. Only integers are numbers: Dagster plots every number."""
    shown: dict[str, dg.MetadataValue[Any]] = {}
    for name, value in input_content(inputs, dataset, version).items():
        if name == "path":
            shown[name] = dg.MetadataValue.path(str(value))
        elif isinstance(value, int):
            shown["dagster/row_count" if name == "rows" else name] = dg.MetadataValue.int(value)
        else:
            shown[name] = dg.MetadataValue.text(value)
    return shown
