"""Area of a cell on the WGS84 ellipsoid to some 40 digits, by a power series in decimals.

The zone between the equator and the parallel of latitude phi, one radian wide, has the area
a^2 (1 - e^2) * sum over n >= 0 of (n + 1) / (2 n + 1) * e^(2 n) * sin(phi)^(2 n + 1), the integral
of the expanded area element; this is not the closed form that an implementation would use.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache

SEMI_MAJOR = Decimal(6378137)
FLATTENING_INVERSE = Decimal("298.257223563")
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def _sine_of_degrees(degrees: Decimal) -> Decimal:
    x = degrees * PI / 180
    term, total, n = x, x, 1
    while abs(term) > Decimal("1e-60"):
        term = -term * x * x / ((n + 1) * (n + 2))
        total += term
        n += 2
    return total


@lru_cache(maxsize=4096)
def _zone(latitude: float) -> Decimal:
    """Square metres between the equator and a parallel, per radian of longitude, signed."""
    with localcontext() as context:
        context.prec = 60
        flattening = 1 / FLATTENING_INVERSE
        e2 = flattening * (2 - flattening)
        s = _sine_of_degrees(Decimal(latitude))
        total, power, n = Decimal(0), s, 0
        while True:
            term = power * (n + 1) / (2 * n + 1)
            total += term
            if abs(term) < Decimal("1e-55"):
                return SEMI_MAJOR**2 * (1 - e2) * total
            power *= e2 * s * s
            n += 1


def cell_area_m2(min_lon: float, max_lon: float, min_lat: float, max_lat: float) -> Decimal:
    """Square metres between two meridians and two parallels, given in degrees."""
    with localcontext() as context:
        context.prec = 60
        width = (Decimal(max_lon) - Decimal(min_lon)) * PI / 180
        return width * (_zone(max_lat) - _zone(min_lat))
