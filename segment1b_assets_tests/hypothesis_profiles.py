"""How hard the property tests look: the same examples every time, or new ones by the thousand.

``HYPOTHESIS_PROFILE`` chooses. ``landing``, the default, derives its examples from the test itself,
so that a change lands or not by its own merit and never by luck. ``search`` draws anew in every
run, ten times as many (or ``HYPOTHESIS_TIMES`` as many): `.ci/nightly` runs it. What it finds is
put into the test as an ``@example``, or into a test of its own, when it is mended.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "landing")
TIMES = int(os.environ.get("HYPOTHESIS_TIMES", "10")) if PROFILE == "search" else 1

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
settings.register_profile("landing", derandomize=True, max_examples=100, **_COMMON)
settings.register_profile(
    "search", derandomize=False, max_examples=100 * TIMES, print_blob=True, **_COMMON
)
settings.load_profile(PROFILE)


def examples(number: int, **more: object) -> settings:
    """A test's share when the usual hundred are too many or too few; `search` multiplies it."""
    return settings(max_examples=number * TIMES, **more)  # type: ignore[arg-type]
