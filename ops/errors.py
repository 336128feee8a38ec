"""What can keep a command from doing its work, in one line for the person who typed it."""


class CannotStart(Exception):
    """Something outside is in the way; the text says what to do. The command ends with `status`."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
