"""Small maps of a country's tiles, weights and sites, and of the world's sites, as PNG.

``blocks`` sums a streamed partition into a coarse grid, ``frame`` chooses what part of the globe
is shown, ``figure`` draws with matplotlib, ``published`` maps a published partition, ``kept`` keeps
what the web UI shows of it at an ``address``, and ``world`` maps the sites of all countries. No
Dagster here; matplotlib is imported when the first map is drawn.
"""
