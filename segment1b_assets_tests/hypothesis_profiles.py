"""How hard the property tests look: the same examples every time, or new ones by the thousand.

``HYPOTHESIS_PROFILE`` chooses. ``landing``, the default, derives its examples from the test itself,
so that a change lands or not by its own merit and never by luck; it takes two fifths of a test's
number, so that landing stays quick. ``search`` draws anew in every run, ten times the number (or
``HYPOTHESIS_TIMES`` times): `.ci/nightly` runs it. What it finds is put into the test as an
``@example``, or into a test of its own, when it is mended.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "landing")
TIMES = float(os.environ.get("HYPOTHESIS_TIMES", "10")) if PROFILE == "search" else 0.4

# No deadline: a slow machine is not a wrong answer. No database: nothing but the test decides.
_COMMON = {
    "deadline": None,
    "database": None,
    "suppress_health_check": (
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ),
}
settings.register_profile("landing", derandomize=True, max_examples=int(100 * TIMES), **_COMMON)
settings.register_profile(
    "search", derandomize=False, max_examples=int(100 * TIMES), print_blob=True, **_COMMON
)
settings.load_profile(PROFILE)


def examples(number: int, **more: object) -> settings:
    """A test's number when the usual hundred is too many or too few; the profile multiplies it."""
    return settings(max_examples=int(number * TIMES), **more)  # type: ignore[arg-type]
