"""The five policies (contract §3): YAML, validated, unknown keys refused."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file

#: A policy has a dozen short lines; a far larger file is a mistake or an attack.
_MAX_BYTES = 64 * 1024

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    policy_version: str | int | float


class TileIndexPolicy(_Policy):
    """s1.tile_index: which cells belong to a country."""

    inclusion_rule: Literal["center", "any_overlap"] = "center"


class TileWeightsPolicy(_Policy):
    """s2.tile_weights: what a tile weighs, in how many decimal places."""

    basis: Literal["uniform", "area_m2", "population"] = "population"
    dp: int = Field(12, ge=0, le=18)


class RequirementsPolicy(_Policy):
    """s3.requirements: countries that get no sites."""

    enabled: bool = False
    denylist_country_iso: list[CountryCode] = Field(default_factory=list)

    @property
    def denied(self) -> frozenset[str]:
        return frozenset(self.denylist_country_iso) if self.enabled else frozenset()


class Reach(BaseModel):
    """One entry of s4.alloc_plan's reach: how far the pairs of up to `n_max` sites spread.

    The arc is the draw to the power of `power` as a share of the country's population, and no
    less than `min_ppm` millionths of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    n_max: int = Field(ge=2)
    power: int = Field(ge=1, le=8)
    min_ppm: int = Field(0, ge=0, le=1_000_000)


class AllocPlanPolicy(_Policy):
    """s4.alloc_plan: the default method of S4 or, where enabled, the method that `mode` names.

    Where it is not enabled, mode and reach may be given and have no effect.
    """

    enabled: bool = False
    mode: Literal["population_arc_v1"] | None = Field(None, validate_default=True)
    reach: list[Reach] = Field(default_factory=list)

    @field_validator("mode")
    @classmethod
    def _require_mode(cls, mode: str | None, info: ValidationInfo) -> str | None:
        if mode is None and info.data.get("enabled"):
            raise PydanticCustomError(
                "mode_required", "is required where enabled is true: population_arc_v1"
            )
        return mode

    @field_validator("reach")
    @classmethod
    def _require_ascending(cls, reach: list[Reach]) -> list[Reach]:
        for before, after in pairwise(reach):
            if after.n_max <= before.n_max:
                raise PydanticCustomError(
                    "not_ascending",
                    "n_max must ascend strictly: {after} comes after {before}",
                    {"after": after.n_max, "before": before.n_max},
                )
        return reach


#: uniform_v1 draws in the cell, uniform_v2 in the box of what it shares with the country.
JitterMode = Literal["uniform_v1", "uniform_v2"]


class JitterPolicy(_Policy):
    """s6.jitter: how a point is drawn in its cell, and how often before giving up."""

    mode: JitterMode = "uniform_v1"
    max_attempts: int = Field(64, ge=1, le=65536)


POLICY_MODELS: dict[str, type[_Policy]] = {
    "policy.s1.tile_index": TileIndexPolicy,
    "policy.s2.tile_weights": TileWeightsPolicy,
    "policy.s3.requirements": RequirementsPolicy,
    "policy.s4.alloc_plan": AllocPlanPolicy,
    "policy.s6.jitter": JitterPolicy,
}


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases (no billion laughs) and without repeated keys.

    Only true and false are booleans, so that the country code NO stays a string; and a date is a
    string, so that it may be a policy_version. Only plain decimals are integers: 012 is ten to
    YAML 1.1 and twelve to YAML 1.2, and 1:30 is ninety to the first alone.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own interface)
        first: [
            (tag, regexp)
            for tag, regexp in resolvers
            if tag.removeprefix("tag:yaml.org,2002:") not in ("bool", "int", "timestamp")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed in a policy")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.YAMLError(f"key {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)


def load_policy(policy_id: str, path: Path) -> Any:
    """Read one policy file into its model.

    Raises:
        Segment1BError: E_INPUT_MISSING; E_POLICY_INVALID, naming the file, the key and the value.
    """
    require_file(
        path, missing="E_INPUT_MISSING", unreadable="E_POLICY_INVALID",
        what=f"the policy file of {policy_id}",
    )  # fmt: skip
    try:
        with path.open("rb") as handle:
            raw = handle.read(_MAX_BYTES + 1)
    except OSError as err:
        raise Segment1BError("E_POLICY_INVALID", f"cannot be read: {err}", file=path) from err
    if len(raw) > _MAX_BYTES:
        raise Segment1BError("E_POLICY_INVALID", f"is larger than {_MAX_BYTES} bytes", file=path)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as err:
        raise _not_utf8(path, str(err)) from err
    if "\0" in text:
        raise _not_utf8(path, "it holds NUL, as UTF-16 does")
    try:
        document = yaml.load(text, Loader=_PlainLoader)
    # Anything: PyYAML's constructors of tagged scalars let IndexError, KeyError, AttributeError and
    # OverflowError out, for such values as `!!int _`, `!!bool maybe`, `!!timestamp soon`.
    except Exception as err:
        reason = " ".join(str(err).split())[:300]
        raise Segment1BError("E_POLICY_INVALID", f"is not plain YAML: {reason}", file=path) from err
    if not isinstance(document, dict):
        raise Segment1BError(
            "E_POLICY_INVALID", "must be a mapping of keys to values", file=path, value=document
        )
    try:
        return POLICY_MODELS[policy_id].model_validate(document)
    except ValidationError as err:
        first = err.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(file)"
        raise Segment1BError(
            "E_POLICY_INVALID",
            f"key {key!r}: {first['msg']}",
            file=path,
            value=None if first["type"] == "missing" else first.get("input"),
        ) from err


def _not_utf8(path: Path, reason: str) -> Segment1BError:
    return Segment1BError(
        "E_POLICY_INVALID", f"is not UTF-8 text: {reason}", file=path,
        next_step="save it as UTF-8 (in Notepad: Save as, Encoding), and re-run",
    )  # fmt: skip
