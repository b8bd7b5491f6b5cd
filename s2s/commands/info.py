"""`s2s info`: describe models."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from s2s import files
from s2s.commands import options
from s2s.data.corpus import SIDES
from s2s.model import folder as model_folder


def info(
    folders: Annotated[list[Path], typer.Argument(help="Folders of models.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Write a JSON object for each model, one a line.")] = False,
) -> None:
    """Describe models: architecture, languages, vocabularies, and perplexity on the development set.

    \b
    Examples:
    s2s info models/reversed/1
    s2s info --json models/*/* | jq .dev_perplexity
    """
    for folder in folders:
        facts = read(folder)
        options.write(f"{files.to_json(facts)}\n" if json else tell(facts))


def read(folder: Path) -> dict[str, Any]:
    """Return the description of a model, its vocabularies and its digest, without loading the weights."""
    description = model_folder.verified(folder)
    facts = asdict(description) | {"folder": str(folder)}
    for side in SIDES:
        tokens = description.vocabulary(folder, side)
        facts[f"{side}_vocabulary"] = {"kind": "words" if tokens.reads_tokens else "subwords", "size": len(tokens)}
    return facts


def tell(facts: dict[str, Any]) -> str:
    """Format the description as a table."""
    shape = facts["architecture"]
    rows = {
        "system": f"{facts['system']}, seed {facts['seed']}",
        "languages": f"{facts['source_language']} to {facts['target_language']}",
        "network": network(shape),
        "layers": "{layers} of {hidden}, embeddings of {embedding}".format(**shape),
        "source": "read from the last token to the first" if shape["reverse_source"] else "read forward",
        "parameters": f"{facts['parameters']:,}",
        "vocabularies": ", ".join(vocabulary(facts, side) for side in SIDES),
        "text": f"{'lower case' if facts['lowercase'] else 'case kept'}, punctuation "
        f"{'normalized' if facts['normalize_punctuation'] else 'as it comes'}",
        "perplexity": f"{facts['dev_perplexity']:.3f} a token of the dev set, after {facts['best_epoch']:g} epochs",
        "sha256": facts["weights_sha256"],
    }
    return "".join([f"{facts['folder']}\n", *(f"  {title:13}{text}\n" for title, text in rows.items())])


def network(shape: dict[str, Any]) -> str:
    """Describe the kind of network."""
    if shape["network"] != "recurrent":
        return "{network}, {heads} heads, {feed_forward} between a layer's products".format(**shape)
    return "{cell} cells, context {context}".format(**shape) + (", read both ways" if shape["bidirectional"] else "")


def vocabulary(facts: dict[str, Any], side: str) -> str:
    """Describe a vocabulary."""
    return "{size:,} {kind}".format(**facts[f"{side}_vocabulary"]) + f" ({side})"
