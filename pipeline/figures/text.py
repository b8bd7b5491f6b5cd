"""Text of other people, as figures and pages can show it."""

import re

# XML forbids these control characters, halves of pairs and non-characters; the rest reorder the text that follows them.
HARMFUL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
PICTURES = 0x2400  # of Unicode, of the control characters from 0 on


def legible(text: str) -> str:
    """Return a text with signs in the place of control characters and of those that reorder text."""
    return HARMFUL.sub(sign, text)


def sign(match: re.Match[str]) -> str:
    """Return the picture of a control character, or the sign that Unicode has for what cannot be shown."""
    number = ord(match[0])
    return chr(PICTURES + number) if number < 0x20 else "\ufffd"
