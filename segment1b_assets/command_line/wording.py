"""Numbers as a person reads them: counts with their noun, sizes in units that fit."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def count(number: int, one: str, many: str | None = None) -> str:
    """1, "country", "countries" -> "1 country"; without `many` an s is added."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def countries(number: int) -> str:
    """3 -> "3 countries"."""
    return count(number, "country", "countries")


def size(number: int) -> str:
    """Bytes in the largest decimal unit of which there is at least one: "812 B", "3.4 kB"."""
    amount, unit = float(number), 0
    # 999.95 would be written as 1,000.0 of the smaller unit.
    while amount >= 999.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{number} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"
