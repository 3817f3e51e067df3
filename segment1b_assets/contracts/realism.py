"""The expectations of a realistic world of sites: ``realism.yaml``, validated."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Band(_Rules):
    """The expected range of a measure; None is an open end, both ends are inclusive."""

    title: str
    unit: str
    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Metric(Band):
    """A measure of the world: `asks` is its question, as a sentence."""

    asks: str


class ReachClass(_Rules):
    """Chains of `first` to `last` shops: the published median of their reach, and the band."""

    first: int = Field(ge=2)
    last: int
    published: float
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> ReachClass:
        if self.last < self.first or self.low > self.high:
            raise ValueError("a reach class has first above last")
        return self

    @property
    def name(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class RealismRules(_Rules):
    """The whole file; `realism.yaml` says what each number means."""

    version: str
    draws: int = Field(ge=19, le=999)
    draw_key: int = Field(ge=0, lt=1 << 64)
    kept_sites: int = Field(ge=100, le=20_000)
    few_sites: int = Field(ge=2)
    few_tiles: int = Field(ge=1)
    few_merchants: int = Field(ge=1)
    few_pairs: int = Field(ge=1)
    radii_km: tuple[int, ...]
    metrics: dict[str, Metric]
    reach: tuple[ReachClass, ...]
    country: dict[str, Band]


@cache
def realism_rules() -> RealismRules:
    """The rules that ship with the package."""
    text = resources.files(__package__).joinpath("realism.yaml").read_text("utf-8")
    return RealismRules.model_validate(yaml.safe_load(text))
