"""Which column of a vector file holds the country's code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.imports.country_codes import CountryCodes

#: Columns that hold codes in the usual sources, the better first where a file has several:
#: Natural Earth (ISO_A2 and ISO_A3 lack France and Norway), GADM, geoBoundaries, GISCO,
#: OpenStreetMap, Overture.
USUAL: Final = (
    "ISO_A2_EH", "ISO_A3_EH", "GID_0", "shapeGroup", "CNTR_ID", "CNTR_CODE", "ISO3166-1:alpha2",
    "ISO3166-1:alpha3", "ISO3166-1", "country_iso", "country", "country_code", "ISO_A2", "ISO_A3",
    "ISO2", "ISO3", "ISO", "alpha2", "alpha3", "ADM0_A3", "ISO_N3", "numeric_code", "shapeISO",
    "tags", "A3", "id",
)  # fmt: skip
#: OGR's driver for OpenStreetMap keeps tags that it has no column for in one text.
_OTHER_TAGS: Final = "other_tags"
_TAG: Final = re.compile(r'"ISO3166-1(?::alpha2)?"=>"([^"]*)"')
#: A column without a usual name is taken where so many of its rows hold codes.
_MOST: Final = 0.8


def columns_to_read(names: Sequence[str], given: Sequence[str | None]) -> list[str]:
    """The given columns; where no code column is given, also the usual ones, or else all.

    Args:
        names: the file's columns.
        given: the code column and the name column, as the user gave them.
    """
    chosen = [name for name in given if name is not None]
    if given[0] is None:
        by_lower = {name.lower(): name for name in names}
        usual = [by_lower[u.lower()] for u in USUAL if u.lower() in by_lower]
        usual += [name for name in names if name == _OTHER_TAGS]
        chosen += usual or list(names)
    return [name for name in names if name in chosen]


def find_codes(
    columns: Mapping[str, list[str]],
    given: str | None,
    codes: CountryCodes,
    file: Path,
    names: Sequence[str] = (),
) -> tuple[str, list[str]]:
    """The column of codes and its texts, "" where a row has none.

    Of the usual columns the one that names most rows' countries is taken, the first of equals.
    `names` are all columns of the file, for a message.

    Raises:
        Segment1BError: E_INPUT_SCHEMA where the given column is not there or no column holds
            codes.
    """
    if given is not None:
        if given not in columns:
            raise Segment1BError(
                "E_INPUT_SCHEMA", f"has no column {given!r}", file=file, value=given,
                next_step=f"leave out --code (a usual column is found), or name one of: "
                f"{', '.join(names)[:300]}",
            )  # fmt: skip
        return given, columns[given]
    texts = dict(columns)
    if _OTHER_TAGS in texts:
        found = [_TAG.search(text) for text in texts[_OTHER_TAGS]]
        texts[_OTHER_TAGS] = ["" if match is None else match[1] for match in found]
    rank = {name.lower(): place for place, name in enumerate(USUAL)}
    best, best_hits = None, 0
    for name in sorted(texts, key=lambda n: (rank.get(n.lower(), len(rank)), n)):
        resolved = codes.resolve(texts[name])
        hits = sum(resolved[text] is not None for text in texts[name])
        usual = name.lower() in rank or name == _OTHER_TAGS
        if hits > best_hits and (usual or hits >= _MOST * len(texts[name])):
            best, best_hits = name, hits
    if best is None:
        seen = "; ".join(f"{n}: {next(filter(None, v), '')!r}" for n, v in sorted(columns.items()))
        raise Segment1BError(
            "E_INPUT_SCHEMA", "no column holds country codes (alpha-2, alpha-3 or numeric)",
            file=file, value=seen[:300] or None,
            next_step="name the column with --code; codes of another kind: --alias OTHER=ISO",
        )  # fmt: skip
    return best, texts[best]
