"""Small maps of a country's tiles, weights and sites, as PNG. No Dagster here.

``blocks`` sums a streamed partition into a coarse grid, ``frame`` chooses what part of the globe
is shown, ``palette`` and ``canvas`` draw, ``country_map`` composes the three kinds of map, and
``published`` makes the map of a published partition.
"""
