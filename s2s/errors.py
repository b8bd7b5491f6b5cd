"""What a person did wrong, told in one line: place, found, wanted."""


class UserError(Exception):
    """A mistake in the input. Programs print it as one line and exit with code 2."""


def check(condition: object, message: str) -> None:
    """Raises `UserError(message)` unless `condition` holds; the message says place, found and wanted."""
    if not condition:
        raise UserError(message)
