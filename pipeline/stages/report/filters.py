"""Template filters of the report page: short numbers for readers, exact ones for programs, no invisible characters."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

from pipeline.figures.text import legible
from s2s.errors import printable

SPARE = re.compile(r"^ +| {2,}| +$")  # spaces that a browser would collapse
INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn"}  # Unicode categories: control, format, space, unassigned
WORDS = {
    "length_quantiles.": "length not exceeded by ",
    "_": " ",
    " bleu": " BLEU",
    "utf8": "UTF\u20118",  # non-breaking hyphen
    "nfc": "NFC",
}


def shown(value: object) -> object:
    """Return a value as the page shows it: text that is not markup of ours without harmful characters."""
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def number(value: float, digits: int = 2) -> Markup:
    """Format a number for readers, with its exact value for programs."""
    text = f"{value:.2e}" if abs(value) >= 1e15 else f"{value:,.{0 if isinstance(value, int) else digits}f}"
    return Markup('<data value="{}">{}</data>').format(value, text)


def percent(share: float, digits: int = 1) -> Markup:
    """Format a share, 0 to 1, in percent, with its exact value for programs."""
    return Markup('<data value="{}">{}\u202f%</data>').format(share, f"{100 * share:.{digits}f}")


def share(part: int, whole: int) -> Markup:
    """Format the share of a part in a whole in percent; 0 % if the whole is 0."""
    return percent(part / max(1, whole), 2)


def plain(value: object) -> str:
    """Format a parameter as params.yaml writes it, without the credentials of URLs."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(map(plain, value)) or "none"
    return printable(str(value))


def flatten(values: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """Yield the values of nested mappings with their dotted keys."""
    for key, value in values.items():
        name = (*place, str(key))
        if isinstance(value, Mapping) and value:
            yield from flatten(value, name)
        else:
            yield ".".join(name), "no changes" if value == {} else value


def measured(value: object, name: str) -> object:
    """Format a measure of the corpus: shares in percent, texts such as signatures unchanged."""
    if isinstance(value, str):
        return Markup("<code>{}</code>").format(breakable(value))
    assert isinstance(value, int | float)
    return percent(value) if "share" in name else number(value)


def breakable(signature: str) -> str:
    """Return a signature with places where a line may break."""
    return signature.replace("|", "|\u200b")


def title(name: str) -> str:
    """Return the name of a measure or a rule in words."""
    for part, words in WORDS.items():
        name = name.replace(part, words)
    return re.sub(r"by ([\d.]+)$", lambda match: f"by {100 * float(match[1]):g}\u202f%", name)


def visible(text: str) -> Markup:
    """Format a text with invisible characters as code points, and spaces that a browser would collapse as signs."""
    text = SPARE.sub(lambda match: "␣" * len(match[0]), text)
    return Markup("").join(coded(character) if is_odd(character) else escape(character) for character in text)


def is_odd(character: str) -> bool:
    """Return whether a character is invisible, or a combining accent that normalization did not join to a letter."""
    invisible = character != " " and unicodedata.category(character) in INVISIBLE
    return invisible or "\u0300" <= character <= "\u036f"


def coded(character: str) -> Markup:
    """Format a character as its code point, with its Unicode name as a tooltip."""
    name = unicodedata.name(character, "control or private character").lower()
    return Markup('<code class="odd" title="{}">U+{}</code>').format(name, f"{ord(character):04X}")


FILTERS = (number, percent, share, plain, measured, breakable, title, visible)
