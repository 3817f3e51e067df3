"""S3 and S4: requirements and the allocation plan, over all tiles with integers.

Interpretation taken: rows of S4 are sorted by (merchant_id, tile_id) in a country's partition.
"""

from __future__ import annotations

from collections.abc import Sequence


class SiteOrderBroken(Exception):
    """site_order of a pair is not 1..n: E314."""


def requirements(outlets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(merchant_id, n_sites) ascending from one country's (merchant_id, site_order) rows."""
    orders: dict[int, list[int]] = {}
    for merchant_id, site_order in outlets:
        orders.setdefault(merchant_id, []).append(site_order)
    for merchant_id, seen in orders.items():
        if sorted(seen) != list(range(1, len(seen) + 1)):
            raise SiteOrderBroken(f"merchant {merchant_id}")
    return sorted((merchant_id, len(seen)) for merchant_id, seen in orders.items())


def allocate(tiles: Sequence[tuple[int, int]], n_sites: int, scale: int) -> list[tuple[int, int]]:
    """(tile_id, n_sites_tile >= 1) ascending, from (tile_id, weight) rows summing to ``scale``."""
    counts = {tile_id: weight * n_sites // scale for tile_id, weight in tiles}
    residues = [(-(weight * n_sites % scale), tile_id) for tile_id, weight in tiles]
    for _, tile_id in sorted(residues)[: n_sites - sum(counts.values())]:
        counts[tile_id] += 1
    if sum(counts.values()) != n_sites:
        raise AssertionError("the plan does not place every site")
    return sorted((tile_id, count) for tile_id, count in counts.items() if count)
