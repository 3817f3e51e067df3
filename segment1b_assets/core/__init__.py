"""The maths of the ten states: functions of one country that yield bounded Arrow batches.

It knows no Dagster, no paths and no publishing. Input is numpy arrays or Arrow batches, output is
`Chunk`s. What a state counts and sums on the way goes into its `facts`.
"""
