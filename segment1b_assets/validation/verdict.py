"""What a validator says of one rule for one country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """A rule's judgement.

    Attributes:
        code: the rule, a key of ``ERROR_CODES``.
        passed: whether the partition keeps it.
        detail: when it fails: which rows, which values, what was expected (first few only).
        facts: counts behind the judgement (JSON-able), such as rows judged.
    """

    code: str
    passed: bool
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
