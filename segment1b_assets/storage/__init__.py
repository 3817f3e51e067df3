"""Where datasets lie and how they are read and published.

What belongs here: paths under a data root, the publish law, the parquet writer, readers, reports
and the Dagster IO manager. What does not: any maths (`core`) and any judging (`validation`).
"""
