"""Foreign files brought to the contract's form: borders, rasters, tables of merchants (§3).

What belongs here: reading what others publish, mending it where that is safe, and placing the
result in a data root in one step. What does not: the law of the inputs, which `storage` and `core`
read and judge, and what a person sees, which is the command line's.
"""
