"""What foreign files call a country, as the two letters of the ISO list (contract §3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from segment1b_assets.contracts.countries import RESERVED_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.references import read_iso_list

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
        listed = read_iso_list(path)
    except Segment1BError as err:
        if err.code == "E_INPUT_MISSING":
            raise err.with_next_step("segment1b init ROOT writes it; then import again") from err
        raise
    names = listed.names
    by_letters = {alpha3.upper(): code for code, alpha3 in listed.alpha3.items()}
    by_letters |= {code: code for code in names}
    by_letters |= {other: code for other, code in RESERVED_CODES.items() if code in names}
    by_digits = {f"{number:0{_DIGITS}d}": code for code, number in listed.numeric.items()}
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
