"""What a validator says of one rule for one country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segment1b_assets.contracts.error_codes import ERROR_CODES


@dataclass(frozen=True)
class Verdict:
    """A rule's judgement.

    Attributes:
        code: the rule, a key of ``ERROR_CODES``.
        passed: whether the partition keeps it.
        detail: when it fails: which rows, which values, what was expected (first few only).
        facts: counts behind the judgement (JSON-able), such as rows judged.
        where: the file or rows at fault.
        value: the offending value, if one can be shown.
    """

    code: str
    passed: bool
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    value: Any = None

    @property
    def asks(self) -> str:
        """What the rule asks."""
        return f"not: {ERROR_CODES[self.code].meaning}"

    def next_step(self, dataset: str, country: str) -> str:
        """What to do about a published partition that breaks the rule."""
        own = ERROR_CODES[self.code].next_step
        if "segment1b retire" not in own:
            return own
        return (
            f'segment1b retire --dataset {dataset} --country {country} --why "{self.code}", then '
            f"materialise {country} again from there on"
        )

    def as_row(self) -> dict[str, Any]:
        """The verdict as the run ledger keeps it."""
        row: dict[str, Any] = {"code": self.code, "passed": self.passed}
        if not self.passed:
            value = None if self.value is None else str(self.value)
            row |= {"detail": self.detail, "where": self.where, "value": value}
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Verdict:
        """A verdict that the run ledger kept."""
        return cls(
            row["code"], row["passed"], row.get("detail", ""), {}, row.get("where", ""),
            row.get("value"),
        )  # fmt: skip
