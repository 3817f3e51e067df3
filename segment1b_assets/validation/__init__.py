"""The validators: pure functions that judge a published partition by another way than it was made.

They read files and return `Verdict`s; they know nothing of Dagster. `checks` turns the verdicts
into asset checks, and ``segment1b verify`` prints them. What S9 found of all countries becomes the
1B bundle here.
"""
