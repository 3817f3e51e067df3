"""Groups of about the same cost: the dearest item first, each to the group that has cost least."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def longest_first(costs: Mapping[str, int], groups: int) -> list[list[str]]:
    """Cut items into groups by the longest processing time first (R. L. Graham, 1969).

    No group costs more than the mean of all groups plus the dearest item. Ties are decided by name
    and by the groups' order, so the result depends on costs and names only.

    Args:
        costs: item -> cost, 0 or more; exact, so that no order of additions decides a tie.
        groups: how many, at least 1.

    Returns:
        The groups that got an item, the dearest first; each in the order of names.
    """
    least = [(0, position) for position in range(groups)]
    members: list[list[str]] = [[] for _ in range(groups)]
    for item in sorted(costs, key=lambda name: (-costs[name], name)):
        total, position = heapq.heappop(least)
        members[position].append(item)
        heapq.heappush(least, (total + costs[item], position))
    totals = {position: total for total, position in least}
    order = sorted(range(groups), key=lambda position: (-totals[position], position))
    return [sorted(members[position]) for position in order if members[position]]
