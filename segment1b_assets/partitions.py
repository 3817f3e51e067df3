"""The country partitions: the 249 codes of ISO 3166-1, alphabetical, for people look them up."""

from __future__ import annotations

import os

import dagster as dg

_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRY_CODES: tuple[str, ...] = tuple(_CODES.split())

countries = dg.StaticPartitionsDefinition(list(COUNTRY_CODES))

#: Countries of one run of a backfill; unset or "all" is all of them in one run.
BACKFILL_VARIABLE = "SEGMENT1B_BACKFILL_COUNTRIES"


def backfill_policy(value: str | None = None) -> dg.BackfillPolicy:
    """How Dagster cuts a backfill into runs.

    One run for all countries costs least; smaller runs limit what a killed process takes with it
    (docs/backfills.md has the figures).

    Args:
        value: countries a run, or "all"; ``$SEGMENT1B_BACKFILL_COUNTRIES`` if None.

    Raises:
        ValueError: `value` is neither "all" nor a whole number from 1 on.
    """
    text = (os.environ.get(BACKFILL_VARIABLE, "") if value is None else value).strip()
    if text.lower() in ("", "all"):
        return dg.BackfillPolicy.single_run()
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(
            f'{BACKFILL_VARIABLE}={text!r}: must be "all" or a whole number from 1 on; '
            "unset it or mend it, then reload the code location"
        )
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=int(text))
