"""The validators as asset checks: one file a state names its rules and says what to judge.

What belongs here: which files a rule is judged on, and how a verdict becomes a Dagster event.
What does not: the judging itself, which is `validation`.
"""
