"""A partition's map as metadata of its materialisation, for its page in the web UI."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import dagster as dg

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.maps.published import MAPPED, map_of
from segment1b_assets.storage.run_inputs import RunInputs


def map_metadata(
    inputs: RunInputs, dataset: str, country: str
) -> Mapping[str, dg.MarkdownMetadataValue]:
    """{"map": the picture, inside the markdown itself}; empty for datasets that have no map.

    The partition is published by now and a picture must not make its run fail: why one could not
    be drawn is told in its place.
    """
    if dataset not in MAPPED:
        return {}
    try:
        picture = base64.b64encode(map_of(inputs, dataset, country)).decode("ascii")
    except (Segment1BError, ValueError, OSError, MemoryError) as err:
        return {"map": dg.MetadataValue.md(f"No map: {err}")}
    text = f"![{dataset} of {country}](data:image/png;base64,{picture})"
    return {"map": dg.MetadataValue.md(text)}


def map_command(dataset: str) -> str:
    """The command that draws the map where no run has: a run over many countries draws none."""
    return f"segment1b map --country FR --dataset {dataset} --out {dataset}-FR.png"
