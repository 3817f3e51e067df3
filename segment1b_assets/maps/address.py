"""The address of a partition's map in the web UI, as pages write it and the webserver reads it."""

from __future__ import annotations

#: The first part under ``/logs/``, where captured output has a run's id.
MAPS = "segment1b-maps"
#: Hexadecimal digits of a receipt that name a picture.
DIGITS = 16


def map_address(dataset: str, country: str, receipt: str) -> str:
    """The address relative to a page of an asset or a run.

    A proxy may serve the pages under a path. An asset's page is ``/assets/NAME`` and a run's
    ``/runs/ID``, so one step up is the top.
    """
    return f"../logs/{MAPS}/{dataset}/{country}/{receipt[:DIGITS]}/png"
