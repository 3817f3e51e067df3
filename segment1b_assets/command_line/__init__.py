"""The ``segment1b`` command: one module a subcommand, which decides what is printed."""
