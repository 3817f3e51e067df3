"""The contract as data: dataset dictionary, table schemas, policies, error codes, identity tokens.

What belongs here: names, shapes and tokens, and the code that reads or validates them.
What does not: any computing on rasters, polygons or sites (``core``), and any Dagster.
"""

CONTRACT_VERSION = "2.0.0"
