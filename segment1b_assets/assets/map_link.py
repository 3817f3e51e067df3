"""The map on a partition's page: a link, which the webserver answers with a picture.

A materialisation has some 300 bytes of link and no picture. `automation.compute_logs` draws it
when the page first shows it.
"""

from __future__ import annotations

import dagster as dg

from segment1b_assets.maps.address import map_address
from segment1b_assets.maps.published import MAPPED


def map_link(dataset: str, country: str, receipt: str) -> dg.MarkdownMetadataValue | None:
    """The map of a partition as metadata; None for a dataset without one.

    Where the webserver draws no maps, the page shows the command that does.
    """
    if dataset not in MAPPED:
        return None
    command = f"segment1b map --country {country} --dataset {dataset} --out {country}.png"
    return dg.MetadataValue.md(f"![{command}]({map_address(dataset, country, receipt)})")
