"""Rules about inputs, as verdicts: the input is read and judged again for the country."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.validation.verdict import Verdict


def judge_input(codes: Sequence[str], read: Callable[[], object]) -> list[Verdict]:
    """A verdict for each of `codes`: the one that reading raises is broken, the others hold.

    Raises:
        Segment1BError: an error of another code.
    """
    broken: Segment1BError | None = None
    try:
        read()
    except Segment1BError as err:
        if err.code not in codes:
            raise
        broken = err
    return [
        Verdict.of_error(broken)
        if broken is not None and broken.code == code
        else Verdict(code, True)
        for code in codes
    ]
