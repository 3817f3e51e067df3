"""The job `retire_partition`: moves a published partition aside from the web UI (contract §2)."""

import dagster as dg
from pydantic import Field

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.retire import retire_published

DATASETS = tuple(d for state in COUNTRY_STATES for d in state.datasets)


class Retirement(dg.Config):
    """The partition to retire, and the reason."""

    dataset: str = Field(description=f"One of {', '.join(DATASETS)}.")
    country: str = Field(description="ISO code such as FR.")
    why: str = Field(min_length=1, description="The reason, recorded beside the moved files.")


@dg.op
def retire_one(context: dg.OpExecutionContext, config: Retirement, segment1b: Segment1B) -> None:
    """Retire a country's partition; the asset's history records when, why and the new path."""
    inputs = segment1b.open()
    try:
        if config.dataset not in DATASETS:
            raise Segment1BError(
                "E_INPUT_MISSING", f"no dataset by country is named {config.dataset!r}",
                next_step=f"name one of {', '.join(DATASETS)}",
            )  # fmt: skip
        inputs.require_country(config.country)
        folder = retire_published(inputs, config.dataset, config.country, config.why)
    except Segment1BError as err:
        raise dg.Failure(str(err), allow_retries=False) from err
    context.log_event(
        dg.AssetObservation(
            config.dataset,
            partition=config.country,
            metadata={
                "retired": config.why,
                "lies_under": dg.MetadataValue.path(inputs.root.relative(folder)),
                "next_step": f"materialise {config.dataset} and what follows for {config.country}",
            },
        )
    )


@dg.job(
    description="Moves one country's published partition under retired/, with who, when and why. "
    "Then materialise it again: this repairs a damaged or outdated partition."
)
def retire_partition() -> None:
    retire_one()
