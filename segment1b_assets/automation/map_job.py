"""The job `draw_maps`: puts the maps of one country on its partitions' pages in the web UI.

A run over the world draws none: 1,500 pictures would be most of the history. This one draws what
somebody wants to see, so that only that costs events.
"""

import base64

import dagster as dg
from pydantic import Field

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.maps.published import MAPPED, map_of
from segment1b_assets.resources import Segment1B


class Maps(dg.Config):
    """The country to draw, and what of it."""

    country: str = Field(description="ISO code such as FR.")
    datasets: list[str] = Field(
        default=["tile_index", "tile_weights", "site_locations"],
        description=f"Some of {', '.join(MAPPED)}.",
    )


@dg.op
def draw_country(context: dg.OpExecutionContext, config: Maps, segment1b: Segment1B) -> None:
    """Draw the published partitions of a country; each picture is an observation of its asset."""
    inputs = segment1b.open()
    if unknown := sorted(set(config.datasets) - set(MAPPED)):
        raise dg.Failure(
            f"no map of {', '.join(unknown)}; these have one: {', '.join(MAPPED)}",
            allow_retries=False,
        )
    for dataset in config.datasets:
        try:
            picture = map_of(inputs, dataset, config.country)
        except Segment1BError as err:
            raise dg.Failure(str(err), allow_retries=False) from err
        encoded = base64.b64encode(picture).decode("ascii")
        shown = dg.MetadataValue.md(
            f"![{dataset} of {config.country}](data:image/png;base64,{encoded})"
        )
        context.log_event(
            dg.AssetObservation(dataset, partition=config.country, metadata={"map": shown})
        )


@dg.job(
    description="Draws the tiles, weights and sites of one country as they are published. The "
    "pictures are on the pages of its partitions: open an asset, *Partitions*, the country."
)
def draw_maps() -> None:
    draw_country()
