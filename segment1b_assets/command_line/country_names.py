"""Which country is meant by a word that is no code of the ISO list."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping

from segment1b_assets.contracts.countries import RESERVED_CODES

#: How alike a name must be: "Frnace" is France, "Iran" is not Iraq.
_ALIKE = 0.8


def meant_country(word: str, names: Mapping[str, str], alpha3: Mapping[str, str]) -> str | None:
    """The code that a word most likely means; None where it means none, or several.

    Args:
        names: country_iso -> name.
        alpha3: country_iso -> code of three letters.
    """
    upper = word.strip().upper()
    if upper in names:
        return upper
    if (code := RESERVED_CODES.get(upper)) in names:
        return code
    for code, three in alpha3.items():
        if upper == three.upper():
            return code
    return _by_name(_plain(word), {code: _plain(name) for code, name in names.items()})


def _by_name(wanted: str, names: Mapping[str, str]) -> str | None:
    if len(wanted) < 4:
        return None
    for fits in (str.__eq__, _is_head, str.startswith):
        found = [code for code, name in names.items() if fits(name, wanted)]
        if found:
            return found[0] if len(found) == 1 else None
    by_name = {name: code for code, name in names.items()}
    alike = difflib.get_close_matches(wanted, sorted(by_name), n=1, cutoff=_ALIKE)
    return by_name[alike[0]] if alike else None


def _is_head(name: str, wanted: str) -> bool:
    """Whether `name` is `wanted` with an addition: "bolivia, plurinational state of"."""
    return re.split(r" *[,(]", name)[0] == wanted


def _plain(text: str) -> str:
    """Without case and accents: "CÔTE d'Ivoire" is "cote d'ivoire"."""
    apart = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(c for c in apart if not unicodedata.combining(c))
