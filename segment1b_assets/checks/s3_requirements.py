"""S3's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.checks.inputs import judge_input, unknown_codes_as_errors
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.validation.requirements import judge_requirements
from segment1b_assets.validation.verdict import Verdict

_INPUT = ("E306_TOKEN_MISMATCH", "E307_PK_DUPLICATE", "E310_UNSORTED", "E314_SITE_ORDER_INTEGRITY")
RULES = {
    "s3_requirements": (
        "E301_NO_PASS_FLAG",
        "E302_FK_COUNTRY",
        "E303_MISSING_WEIGHTS",
        "E305_SCHEMA_INVALID",
        "E306_TOKEN_MISMATCH",
        "E307_PK_DUPLICATE",
        "E308_COUNTS_MISMATCH",
        "E310_UNSORTED",
        "E314_SITE_ORDER_INTEGRITY",
    )
}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    verdicts = judge_input(("E301_NO_PASS_FLAG",), lambda: inputs.receipt)
    verdicts += judge_requirements(
        country,
        inputs.files("s3_requirements", country),
        inputs.files_of_input("outlet_catalogue"),
        country in inputs.policies["policy.s3.requirements"].denied,
        inputs.tokens("s3_requirements", country),
    )
    verdicts += [v for v in judge_input(_INPUT, lambda: inputs.outlets(country)) if not v.passed
                 or v.code == "E314_SITE_ORDER_INTEGRITY"]  # fmt: skip
    verdicts.append(_on_the_list(inputs, country))
    verdicts.append(_weighed(inputs, country))
    return {"s3_requirements": verdicts}


def unknown_code_errors(inputs: RunInputs) -> dict[str, Segment1BError]:
    """Codes of the outlet catalogue that are on no ISO list."""
    found = {code: f"{rows} outlets" for code, rows in inputs.catalogue.unknown_codes.items()}
    return unknown_codes_as_errors("E302_FK_COUNTRY", found, inputs.catalogue.folder)


def _on_the_list(inputs: RunInputs, country: str) -> Verdict:
    """The country's own outlets under a code in the wrong case would be missing here."""
    astray = [c for c in inputs.catalogue.unknown_codes if c.upper() == country]
    return Verdict(
        "E302_FK_COUNTRY",
        not astray and country in inputs.iso_names,
        f"outlets of this country are filed under {', '.join(astray)}" if astray else "",
    )


def _weighed(inputs: RunInputs, country: str) -> Verdict:
    needed = row_count(inputs, "s3_requirements", country) > 0
    weights = row_count(inputs, "tile_weights", country)
    return Verdict(
        "E303_MISSING_WEIGHTS",
        not needed or weights > 0,
        "" if not needed or weights else "sites are required and there is no weight",
        {"weights": weights},
    )
