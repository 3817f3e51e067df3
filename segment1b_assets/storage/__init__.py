"""Where datasets lie and how they are read and published.

What belongs here: paths under a data root, the publish law, the parquet writer, readers and
reports. What does not: maths (`core`), judging (`validation`) and Dagster, whose IO manager
stands beside the seam in `assets`.
"""
