"""The ten states as software-defined assets, one file per state, in the contract's order.

What belongs here: what a state reads, which function of `core` makes its rows, what people see in
the web UI; the asset factory and the IO manager that make partitions of it. What does not: maths,
paths, how parquet is written, or checks.
"""
