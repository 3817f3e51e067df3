"""The maths of the ten states: functions of one country that yield bounded Arrow batches.

No Dagster, no paths, no publishing in here. Numbers come in as numpy arrays or Arrow batches and
leave as `Chunk`s; what a state learns on the way (counts, sums) goes into its `facts`.
"""
