"""What foreign files call a country, as the two letters of the ISO list (contract §3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.references import read_iso_list

#: Codes of the European Union's statistics that ISO 3166 reserves and gives to nobody else.
_RESERVED: Final = {"EL": "GR", "UK": "GB"}
_DIGITS: Final = 3


@dataclass(frozen=True)
class CountryCodes:
    """The ISO list's codes in every spelling.

    Attributes:
        names: alpha-2 -> name, in code order.
        by_letters: alpha-2, alpha-3 and aliases, upper case -> alpha-2.
        by_digits: numeric code, three digits -> alpha-2.
    """

    names: Mapping[str, str]
    by_letters: Mapping[str, str]
    by_digits: Mapping[str, str]

    def resolve(self, texts: Iterable[str]) -> dict[str, str | None]:
        """Each different text -> alpha-2, or None where the list has no such code.

        Digits count as numeric codes only where no text of the column is a code of letters: a
        column of letters may hold numbers that mean something else (geoBoundaries numbers its
        disputed areas).
        """
        different = sorted(set(texts))
        by_letters = {t: self.by_letters.get(t.strip().upper()) for t in different}
        if any(by_letters.values()):
            return by_letters
        return {t: self.by_digits.get(_digits(t)) for t in different}


def read_country_codes(path: Path, aliases: Mapping[str, str] | None = None) -> CountryCodes:
    """The codes of a root's ISO list, and aliases such as {"XKX": "RS"}.

    Raises:
        Segment1BError: as `read_iso_list`; E005_ISO_FK for an alias of a code not on the list.
    """
    try:
        names = read_iso_list(path).names
    except Segment1BError as err:
        if err.code == "E_INPUT_MISSING":
            raise err.with_next_step("segment1b init ROOT writes it; then import again") from err
        raise
    table = pq.read_table(path, columns=["country_iso", "alpha3", "numeric_code"]).to_pylist()
    by_letters = {row["alpha3"].upper(): row["country_iso"] for row in table}
    by_letters |= {code: code for code in names}
    by_letters |= {other: code for other, code in _RESERVED.items() if code in names}
    by_digits = {
        f"{row['numeric_code']:0{_DIGITS}d}": row["country_iso"]
        for row in table
        if row["numeric_code"] is not None
    }
    for other, code in (aliases or {}).items():
        if code.upper() not in by_letters:
            raise Segment1BError(
                "E005_ISO_FK", f"the alias {other}={code} names a code that is not on the list",
                file=path, value=code,
            )  # fmt: skip
        by_letters[other.strip().upper()] = by_letters[code.upper()]
    return CountryCodes(names, by_letters, by_digits)


def _digits(text: str) -> str:
    bare = text.strip().removesuffix(".0")
    return bare.zfill(_DIGITS) if bare.isascii() and bare.isdigit() else bare
