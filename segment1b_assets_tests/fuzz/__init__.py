"""Readers under mutated bytes: each must work or raise its named error, nothing else."""
