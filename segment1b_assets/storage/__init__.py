"""Where datasets are stored, and how they are read and published.

What belongs here: paths under a data root, the publish protocol, the parquet writer, readers and
reports. What does not: maths (`core`), checks (`validation`) and Dagster, whose IO manager
is beside the asset factory in `assets`.
"""
