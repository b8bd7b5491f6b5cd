"""How values look on the report page: short for readers, exact for programs, and nothing in them invisible."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

SPARE = re.compile(r"^ +| {2,}| +$")  # spaces that a page does not show
INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn"}  # Unicode's categories: control, format, space, not assigned
WORDS = {
    "length_quantiles.": "length not exceeded by ",
    "_": " ",
    " bleu": " BLEU",
    "utf8": "UTF\u20118",  # a hyphen that does not break
    "nfc": "NFC",
}


def number(value: float, digits: int = 2) -> Markup:
    """A number for readers, with its exact value for programs."""
    text = f"{value:.2e}" if abs(value) >= 1e15 else f"{value:,.{0 if isinstance(value, int) else digits}f}"
    return Markup('<data value="{}">{}</data>').format(value, text)


def percent(share: float, digits: int = 1) -> Markup:
    """A share of 1 in percent, with its exact value for programs."""
    return Markup('<data value="{}">{}\u202f%</data>').format(share, f"{100 * share:.{digits}f}")


def share(part: int, whole: int) -> Markup:
    """What share of a whole a part is; of nothing, none."""
    return percent(part / max(1, whole), 2)


def plain(value: object) -> str:
    """A parameter as params.yaml writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


def flatten(values: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """The leaves of nested keys, with their whole names."""
    for key, value in values.items():
        name = (*place, str(key))
        if isinstance(value, Mapping) and value:
            yield from flatten(value, name)
        else:
            yield ".".join(name), "no changes" if value == {} else value


def measured(value: object, name: str) -> object:
    """A measure of the corpus as text: shares in percent, texts such as signatures as they are."""
    if isinstance(value, str):
        return Markup("<code>{}</code>").format(breakable(value))
    assert isinstance(value, int | float)
    return percent(value) if "share" in name else number(value)


def breakable(signature: str) -> str:
    """A signature that may go on in the next line."""
    return signature.replace("|", "|\u200b")


def title(name: str) -> str:
    """What a measure or a rule is called, in words."""
    for part, words in WORDS.items():
        name = name.replace(part, words)
    return re.sub(r"by ([\d.]+)$", lambda found: f"by {100 * float(found[1]):g}\u202f%", name)


def visible(text: str) -> Markup:
    """A text with its invisible characters as code points, and spaces that a page would swallow as signs."""
    text = SPARE.sub(lambda found: "␣" * len(found[0]), text)
    return Markup("").join(coded(one) if is_odd(one) else escape(one) for one in text)


def is_odd(character: str) -> bool:
    """Whether a character cannot be seen, or is an accent apart from its letter, as normalizing leaves few."""
    invisible = character != " " and unicodedata.category(character) in INVISIBLE
    return invisible or "\u0300" <= character <= "\u036f"


def coded(character: str) -> Markup:
    """The code point of a character, which pointing at it explains."""
    name = unicodedata.name(character, "control or private character").lower()
    return Markup('<code class="odd" title="{}">U+{}</code>').format(name, f"{ord(character):04X}")


FILTERS = (number, percent, share, plain, measured, breakable, title, visible)
