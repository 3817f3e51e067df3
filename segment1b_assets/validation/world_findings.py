"""S9's judgement: every country's sites and evidence, and what stands against the flag (S9)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from polars.exceptions import PanicException

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.digests import sha256_of
from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.storage.workers import run_concurrently
from segment1b_assets.validation.judge import judge_dataset
from segment1b_assets.validation.rng_evidence import Evidence, country_evidence, families

_SITE_STATES = ("s5_site_tile_assignment", "s6_site_jitter", "s7_site_synthesis", "site_locations")
_SORTS = frozenset({"A704", "A804"})
_TOKENS = frozenset({"A703", "A803"})


class _MachineError(OSError):
    """The machine failed a judge: nobody's finding, so that no flag is lost over it."""


@dataclass
class CountryFindings:
    """One country: its rows, its evidence by family, and what is wrong, in words."""

    country: str
    rows_s7: int = 0
    rows_s8: int = 0
    faults: list[str] = field(default_factory=list)
    sort_violations: int = 0
    token_mismatches: int = 0
    evidence: dict[str, Evidence] = field(default_factory=dict)

    @property
    def parity_ok(self) -> bool:
        return self.rows_s7 == self.rows_s8 and not self.faults


@dataclass
class WorldFindings:
    """All countries with outlets, the product's files, and what stands against the flag."""

    countries: list[CountryFindings]
    egress: dict[str, str]
    faults: list[str]

    @property
    def passed(self) -> bool:
        return not self.faults


def judge_world(inputs: RunInputs, workers: int) -> WorldFindings:
    """Judge every country that needs sites.

    Raises:
        Segment1BError: E301_NO_PASS_FLAG; what reading the catalogue raises.
    """
    inputs.preload("receipt", "policies", "identity", "grid", "shapes", "catalogue")
    faults = [
        f"E302_FK_COUNTRY: the outlet catalogue holds {rows} outlets of {code!r}"
        for code, rows in inputs.catalogue.unknown_codes.items()
        if code not in inputs.policies["policy.s3.requirements"].denied
    ]
    missing = _missing(inputs)
    for what, countries in missing.items():
        faults.append(f"{what} for {', '.join(countries)}: materialise these countries")
    absent = {country for countries in missing.values() for country in countries}
    demanded = [c for c in inputs.demanded if c not in absent]

    def one(country: str) -> CountryFindings:
        return _judge_country(inputs, country)

    found = list(run_concurrently(one, demanded, workers))
    found += [_absent(inputs, country) for country in sorted(absent)]
    found.sort(key=lambda f: f.country)
    for country in found:
        if country.country not in absent:
            faults += [f"{country.country}: {fault}" for fault in country.faults]
    egress, faults_there = _egress(inputs)
    return WorldFindings(found, egress, faults + faults_there)


def _missing(inputs: RunInputs) -> dict[str, list[str]]:
    missing: dict[str, list[str]] = {}
    for country in inputs.demanded:
        for dataset in _SITE_STATES:
            if not inputs.is_published(dataset, country):
                word = "stale" if inputs.is_stale(dataset, country) else "missing"
                missing.setdefault(f"{dataset} is {word}", []).append(country)
                break
    return missing


def _absent(inputs: RunInputs, country: str) -> CountryFindings:
    """A country that a state is missing for: not judged, but what is there of it is counted."""
    found = CountryFindings(country, faults=["missing"])
    # A file that cannot be counted needs no word of its own: the country is named already.
    with contextlib.suppress(Segment1BError):
        found.rows_s7 = row_count(inputs, "s7_site_synthesis", country)
    with contextlib.suppress(Segment1BError):
        found.rows_s8 = row_count(inputs, "site_locations", country)
    return found


def _judge_country(inputs: RunInputs, country: str) -> CountryFindings:
    found = CountryFindings(country)
    try:
        found.rows_s7 = row_count(inputs, "s7_site_synthesis", country)
        found.rows_s8 = row_count(inputs, "site_locations", country)
        for dataset in ("s7_site_synthesis", "site_locations"):
            for verdict in judge_dataset(inputs, dataset, country):
                if verdict.code == "E_IO":
                    raise _MachineError(verdict.detail)
                if verdict.result != "broken":
                    continue
                found.faults.append(f"{dataset} {verdict.code}: {verdict.detail}")
                found.sort_violations += verdict.code in _SORTS
                found.token_mismatches += verdict.code in _TOKENS
        for label, family in families(inputs.policies["policy.s4.alloc_plan"]).items():
            evidence = country_evidence(
                family,
                country,
                inputs.identity,
                inputs.receipt.verified_at_utc,
                inputs.ensure_local(f"rng_events_{label}", country),
                inputs.ensure_local(f"rng_trace_{label}", country),
                inputs.files(family.covers, country),
            )
            found.evidence[label] = evidence
            found.faults += [f"{label}: {fault}" for fault in evidence.faults]
    except Segment1BError as err:
        found.faults.append(str(err))
    except OSError:
        raise  # the machine's, and none of the country's: whoever judges tries again
    # A fault of a validator's keeps the flag from its country and names it, but the others are
    # judged all the same. A panic of Polars' is no Exception to Python.
    except (Exception, PanicException) as err:
        found.faults.append(f"E_UNEXPECTED: judging failed: {type(err).__name__}: {err}")
    return found


def _egress(inputs: RunInputs) -> tuple[dict[str, str], list[str]]:
    """Root-relative path -> SHA-256 of every site_locations file, and what is foreign there."""
    egress: dict[str, str] = {}
    others: dict[str, list[str]] = {}
    faults_there = []
    demanded = set(inputs.demanded)
    for country in inputs.iso_names:
        if country not in demanded and inputs.is_stale("site_locations", country):
            faults_there.append(f"site_locations is stale for {country}: materialise this country")
        for path in inputs.part_files("site_locations", country):
            egress[inputs.root.relative(path)] = sha256_of(path).hex()
            try:
                held = lineage_of(path).get("parameter_hash", "none")
                if held != inputs.parameter_hash:
                    others.setdefault(held, []).append(country)
                elif country not in demanded and row_count(inputs, "site_locations", country):
                    faults_there.append(f"{country}: site_locations holds sites that nobody needs")
            except Segment1BError as err:
                if country not in demanded:
                    faults_there.append(f"{country}: {err}")
    for held, countries in sorted(others.items()):
        faults_there.append(
            f"site_locations of {', '.join(sorted(set(countries)))} stem from parameter_hash "
            f"{held}, the others from {inputs.parameter_hash}: re-run these countries"
        )
    return dict(sorted(egress.items())), faults_there
