"""Validity of polygons with many holes: GEOS' own verdict, without its walks round the shell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from segment1b_assets.core import validity
from segment1b_assets.imports import mend_rings


@pytest.fixture(autouse=True)
def _no_polygon_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validity, "FEW_STEPS", 1)


def random_shape(seed: int) -> shapely.MultiPolygon:
    """Squares with square holes on whole numbers: touching, crossing, nested, or in order."""
    rng = np.random.default_rng(seed)

    def ring(low: int, high: int, side: int) -> Any:
        x, y = rng.integers(low, high, 2)
        return shapely.box(x, y, x + side, y + side).exterior.coords

    return shapely.MultiPolygon(
        [
            shapely.Polygon(
                shapely.box(30 * part, 0, 30 * part + 24, 24).exterior.coords,
                [ring(30 * part + 1, 30 * part + 22, int(rng.integers(1, 4))) for _ in range(4)],
            )
            for part in range(2)
        ]
        + [shapely.Polygon(ring(0, 50, 1)) for _ in range(int(rng.integers(0, 3)))]
    )


@given(seed=st.integers(0, 100_000))
@settings(max_examples=300, deadline=None)
def test_the_verdict_is_geos_own(seed: int) -> None:
    shape = random_shape(seed)
    assert validity.is_valid(shape) == shapely.is_valid(shape)
    assert (validity.invalid_reason(shape) is None) == shapely.is_valid(shape)
    parts = shapely.get_parts(shape)
    assert validity.valid_parts(parts).tolist() == shapely.is_valid(parts).tolist()


def test_a_hole_that_touches_nothing_is_set_apart_and_the_others_are_not() -> None:
    free, touching, other = (shapely.box(x, 4, x + 2, 6) for x in (2, 6, 8))
    island = shapely.box(2.5, 4.5, 3, 5)
    shell = shapely.box(0, 0, 12, 12).exterior.coords
    lakes = [hole.exterior.coords for hole in (free, touching, other)]
    rest, set_apart = validity.without_free_holes(shapely.Polygon(shell, lakes))
    assert shapely.equals(shapely.union_all(set_apart), free)
    assert shapely.get_num_interior_rings(rest) == 2
    both = shapely.MultiPolygon([shapely.Polygon(shell, lakes), island])
    assert not validity.without_free_holes(both)[1].size
    assert shapely.equals(
        shapely.union_all(validity.without_free_holes(both, may_touch_holes=True)[1]),
        shapely.union_all([touching, other]),
    )


@given(seed=st.integers(0, 100_000))
@settings(max_examples=150, deadline=None)
def test_parts_are_united_as_geos_unites_them(seed: int) -> None:
    parts = shapely.get_parts(random_shape(seed))
    parts = parts[shapely.is_valid(parts)]
    united = mend_rings.unite(parts)
    if not parts.size:
        assert united is None
        return
    assert united is not None
    assert united.is_valid
    assert shapely.equals(united, shapely.union_all(parts))


def test_holes_that_touch_in_a_circle_leave_ground_inside_of_it() -> None:
    # Four diamonds round (10, 10), each touching the next at a point.
    holes = [[(x + dx, y + dy) for dx, dy in ((0, -1), (1, 0), (0, 1), (-1, 0))]
             for x, y in ((9, 11), (11, 11), (11, 9), (9, 9))]  # fmt: skip
    crossing = [(2, 2), (4, 4), (4, 2), (2, 4)]
    polygon = shapely.Polygon(shapely.box(0, 0, 20, 20).exterior.coords, [*holes, crossing])
    mended = mend_rings.mend_polygon(polygon)
    assert mended.is_valid
    assert mended.area == pytest.approx(400 - 4 * 2 - 2)
    assert any(part.area == pytest.approx(2) for part in shapely.get_parts(mended).tolist())
