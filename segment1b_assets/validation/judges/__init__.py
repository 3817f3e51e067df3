"""One module a dataset: what its rules are judged on, and the judging.

What belongs here: `judge(inputs, country)` of each dataset and the rules that are that dataset's
own. What several datasets share lies one level up.
"""
