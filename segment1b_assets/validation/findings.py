"""Collects what a validator finds, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from segment1b_assets.validation.verdict import Verdict

#: Faults of one rule that are told in words; the others are only counted.
_TOLD: Final = 3


class Findings:
    """Faults by rule; a rule without a fault has passed.

    Args:
        codes: the rules that are judged, in the order of their verdicts.
    """

    def __init__(self, codes: Sequence[str]) -> None:
        self._told: dict[str, list[str]] = {code: [] for code in codes}
        self._count = dict.fromkeys(codes, 0)

    def add(self, code: str, detail: str, count: int = 1) -> None:
        """Note `count` faults of a rule, described by one sentence."""
        self._count[code] += count
        if len(self._told[code]) < _TOLD:
            self._told[code].append(detail)

    def verdicts(self, facts: Mapping[str, Any]) -> list[Verdict]:
        """One verdict a rule."""
        return [
            Verdict(code, not count, self._detail(code), {**facts, "faults": count})
            for code, count in self._count.items()
        ]

    def _detail(self, code: str) -> str:
        told, count = self._told[code], self._count[code]
        words = "; ".join(told)
        return words if count <= len(told) else f"{words} ({count} faults in all)"
