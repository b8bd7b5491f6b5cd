"""Mistakes of the user, each told in one line: place, found, wanted."""


class UserError(Exception):
    """A mistake in the input. Programs print it as one line and exit with code 2."""


def check(condition: object, message: str) -> None:
    """Raise `UserError(message)`, where the message says place, found and wanted, unless `condition` holds."""
    if not condition:
        raise UserError(message)
