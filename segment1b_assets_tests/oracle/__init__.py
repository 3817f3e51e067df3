"""An independent referee: the contract recomputed slowly, in plain Python.

Nothing here imports the product. Integers, ``fractions.Fraction`` and the standard library decide
everything; pyarrow and rasterio only read and write files, shapely only says whether a generated
polygon is valid. Two doors: ``world.make_world`` writes a tiny random world, and
``compare.compare_world`` says how what the product published differs from what the contract asks.
"""
