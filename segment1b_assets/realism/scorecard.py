"""The scorecard as JSON: the same bytes from the same root, on every machine."""

from __future__ import annotations

import math
from typing import Any

from segment1b_assets.contracts import CONTRACT_VERSION
from segment1b_assets.realism.measure import Measured
from segment1b_assets.realism.verdicts import Judged, JudgedCountry

#: Sines and logarithms may end in other digits on another processor; these are far from the end.
_FIGURES = 6


def scorecard(found: Measured) -> dict[str, Any]:
    """The document; numbers have six significant figures, 64-bit ids are strings."""
    inputs, rules = found.inputs, found.rules
    countries = found.countries
    return {
        "scorecard": "site_realism",
        "believable": found.believable,
        "contract_version": CONTRACT_VERSION,
        "identity": inputs.identity.tokens,
        "law": law_of(found),
        "rules_version": rules.version,
        "draws": {"count": rules.draws, "key": str(rules.draw_key)},
        "countries": {
            "asked": "all" if found.asked is None else list(found.asked),
            "measured": len(countries),
            "judged": [c.summary.country for c in countries if c.verdict != "not judged"],
            "few_sites_or_tiles": {
                c.summary.country: c.reason for c in countries if c.verdict == "not judged"
            },
            "sampled": {
                c.summary.country: c.summary.measured
                for c in countries
                if c.summary.measured < c.summary.sites
            },
            "missing": dict(found.missing),
        },
        "sites": found.sites,
        "merchants": sum(c.summary.merchants for c in countries),
        "metrics": [_metric(j) for j in found.judged],
        "by_country": {c.summary.country: _country(c) for c in countries},
        "chains_drawn": [
            {"country": c.country, "merchant_id": str(c.merchant_id), "shops": c.shops}
            for chains in found.chains.values()
            for c in chains
        ],
    }


def law_of(found: Measured) -> dict[str, str]:
    """The policies that decide where sites lie, in a word each."""
    policies = found.inputs.policies
    plan = policies["policy.s4.alloc_plan"]
    return {
        "s4": plan.mode if plan.enabled else "plain",
        "s6": policies["policy.s6.jitter"].mode,
        "weights": policies["policy.s2.tile_weights"].basis,
    }


def _metric(judged: Judged) -> dict[str, Any]:
    return {
        "id": judged.id,
        "title": judged.title,
        "value": _figures(judged.value),
        "unit": judged.unit,
        "low": judged.low,
        "high": judged.high,
        "verdict": judged.verdict,
        "reason": judged.reason,
        "detail": judged.detail,
        "asks": judged.asks,
    }


def _country(judged: JudgedCountry) -> dict[str, Any]:
    c = judged.summary
    return {
        "verdict": judged.verdict,
        "reason": judged.reason,
        "sites": c.sites,
        "merchants": c.merchants,
        "one_site_merchants": c.one_site,
        "chains": c.chains,
        "tiles": c.tiles,
        "tiles_used": c.tiles_used,
        "tiles_used_in_draws": _figures(c.tiles_used_drawn),
        "one_site_in_heaviest_tile": c.top_seen,
        "share_of_heaviest_tile": _figures(c.top_chance),
        "chains_with_identical_tiles": c.identical,
        "chains_with_identical_tiles_in_draws": _figures(c.identical_drawn),
        "measures": {name: _figures(value) for name, value in judged.values.items()},
    }


def _figures(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_FIGURES}g}")
