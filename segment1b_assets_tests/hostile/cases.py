"""What a case is: how to spoil a world, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segment1b_assets_tests.hostile.laboratory import BAD, Lab

#: Says of a case that no country may be published by the state that fails.
EVERYBODY = "everybody"


@dataclass(frozen=True)
class Case:
    """A bad input.

    Attributes:
        name: what is bad, in a few words.
        spoil: does it to a world.
        states: the states to run, in order; the last one is where it must fail.
        code: the error code that must result.
        country: whom it concerns: the bad country, another code, or EVERYBODY.
        also: further codes that the failure may name beside the country.
        says: what the message must contain beside code and next step: the file, the value.
        stage: what lies published when the case begins (laboratory.STAGES).
    """

    name: str
    spoil: Callable[[Lab], object]
    states: tuple[str, ...]
    code: str
    country: str = BAD
    also: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    stage: str = "inputs"


@dataclass(frozen=True)
class Oddity:
    """An input that looks odd and is good.

    Attributes:
        same: whether the rows of the last state must be those of the untouched world.
    """

    name: str
    spoil: Callable[[Lab], object]
    states: tuple[str, ...]
    stage: str = "inputs"
    same: bool = True
