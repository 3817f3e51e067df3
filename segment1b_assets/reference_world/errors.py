"""What the builder raises."""


class WorldError(RuntimeError):
    """A reference world can't be built or placed; the message says what to do next."""
