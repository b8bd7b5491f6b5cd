"""Checks of params.yaml across its sections."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.parameters.parameters import Parameters
from pipeline.parameters.sections import Model, Rescoring, Run, Train, TrainedModel, Translate


def contradictions(parameters: Parameters) -> Iterator[str]:
    """Yield a message for each value that is in range and contradicts another value."""
    for name, model in parameters.models.items():
        yield from model_contradictions(f"models.{name}", name, model, parameters)
    for name, run in parameters.runs.items():
        yield from run_contradictions(f"runs.{name}", run, parameters)
        yield from decoding_contradictions(f"runs.{name}: translate", run, parameters)
    for name, path in parameters.first_passes.items():
        yield from first_pass_contradictions(f"first_passes.{name}", path, parameters)
    for name, rescoring in parameters.rescorings.items():
        yield from rescoring_contradictions(f"rescorings.{name}", rescoring, parameters)
    for name in parameters.systems:
        yield from train_contradictions(f"systems.{name}: train", parameters.system(name)[1])
        yield from network_contradictions(f"systems.{name}", *parameters.system(name))
    if not parameters.seeds(base := parameters.ablations.base):
        trained = ", ".join(dict.fromkeys(model.system for model in parameters.models.values()))
        yield f"ablations.base: found {base!r}; expected a system that has models: {trained}"
    yield from embeddings_contradictions(parameters)
    if parameters.download.source == "files":
        for key, path in parameters.download.files.model_dump().items():
            if not Path(path).is_file():
                yield f"download.files.{key}: found no file {path!r}; expected text, one sentence a line"


def model_contradictions(place: str, name: str, model: TrainedModel, parameters: Parameters) -> Iterator[str]:
    """Yield messages on a model of an unknown system or vocabulary, or unlike the other models of its system."""
    if model.system not in parameters.systems:
        yield f"{place}.system: found {model.system!r}; expected one of {', '.join(parameters.systems)}"
    if name != f"{model.system}-{model.seed}":
        yield f"{place}: found another name than system and seed; expected {model.system}-{model.seed}"
    if model.vocabulary not in parameters.vocabularies:
        yield f"{place}.vocabulary: found {model.vocabulary!r}; expected one of {', '.join(parameters.vocabularies)}"
    if model.vocabulary != (first := parameters.vocabulary_of(model.system)):
        yield f"{place}.vocabulary: found {model.vocabulary}; expected {first}, as the other models of {model.system}"


def embeddings_contradictions(parameters: Parameters) -> Iterator[str]:
    """Yield messages on a model, a layer or sentences to show that do not exist."""
    shown = parameters.embeddings
    trained = [(model.system, model.seed) for model in parameters.models.values()]
    if (shown.system, shown.seed) not in trained:
        yield f"embeddings: found {shown.system}-{shown.seed}; expected one of {', '.join(parameters.models)}"
    elif shown.layer > (layers := parameters.system(shown.system)[0].layers):
        yield f"embeddings.layer: found {shown.layer}; expected at most {layers}, the layers of {shown.system}, or 0"
    elif shown.state == "c" and not parameters.system(shown.system)[0].has_c:
        yield f"embeddings.state: found c; expected h, the one state of {shown.system}"
    if not Path(shown.probes).is_file():
        yield f"embeddings.probes: found no file {shown.probes!r}; expected one such as probes/demo.tsv"


def network_contradictions(place: str, model: Model, train: Train) -> Iterator[str]:
    """Yield messages on settings that a Transformer cannot have."""
    if model.network == "transformer":
        if model.hidden % model.heads:
            yield f"{place}: model.hidden: found {model.hidden}; expected a multiple of {model.heads}, its heads"
        if model.embedding != model.hidden:
            yield f"{place}: model.embedding: found {model.embedding}; expected {model.hidden}, as model.hidden"
        if train.bptt_tokens:
            yield f"{place}: train.bptt_tokens: found {train.bptt_tokens}; expected 0 for a transformer"


def train_contradictions(place: str, train: Train) -> Iterator[str]:
    """Yield messages on contradictions and missing files in the training of a system."""
    if train.weight_decay and train.optimizer != "adamw":
        yield f"{place}.weight_decay: found {train.weight_decay} with {train.optimizer}; expected 0.0, or adamw"
    for key in ("source_embeddings", "target_embeddings", "resume_from"):
        if (path := getattr(train, key)) and not Path(path).is_file():
            yield f"{place}.{key}: found no file {path!r}; expected one, or nothing"
    for key in ("initial_weights", "source_embeddings", "target_embeddings"):
        if train.resume_from and (path := getattr(train, key)):
            yield f"{place}.{key}: found {path!r} with resume_from, whose weights replace it; expected one of the two"
    if train.initial_weights and not Path(train.initial_weights).is_dir():
        yield f"{place}.initial_weights: found no folder {train.initial_weights!r}; expected one of a model"


def run_contradictions(place: str, run: Run, parameters: Parameters) -> Iterator[str]:
    """Yield messages on a run of an unknown system, or of more models than it has."""
    if run.system not in parameters.systems:
        yield f"{place}.system: found {run.system!r}; expected one of {', '.join(parameters.systems)}"
    if run.seeds > (count := len(parameters.seeds(run.system))):
        yield f"{place}.seeds: found {run.seeds}; expected at most {count}, the models of {run.system}"


def decoding_contradictions(place: str, run: Run, parameters: Parameters) -> Iterator[str]:
    """Yield messages on contradictions in the search of a run."""
    settings = Translate.model_validate(parameters.translate.model_dump() | run.translate)
    if settings.n_best > run.beam:
        yield f"{place}.n_best: found {settings.n_best}; expected at most {run.beam}, the beam"
    for least, most in (("min_tokens", "max_tokens"), ("min_length_ratio", "max_length_ratio")):
        if (low := getattr(settings, least)) > (high := getattr(settings, most)):
            yield f"{place}.{least}: found {low}; expected at most {high}, its {most}"
    if settings.replace_unknown and parameters.lexicon.pairs == 0:
        yield f"{place}.replace_unknown: found true with lexicon.pairs 0; expected pairs to learn a lexicon from"
    vocabulary = parameters.vocabulary_of(run.system)
    if settings.replace_unknown and (kind := parameters.vocabulary(vocabulary).kind) != "words":
        yield f"{place}.replace_unknown: found true with vocabulary {vocabulary} of kind {kind}; expected words"


def first_pass_contradictions(place: str, path: str, parameters: Parameters) -> Iterator[str]:
    """Yield a message on n-best lists that no run makes and that are not on disk."""
    ours = [f"members/{run}.json" for run in parameters.runs]
    if path not in ours and not Path(path).is_dir():
        yield f"{place}: found {path!r}; expected {' or '.join(ours)}, or a folder of another system's lists"


def rescoring_contradictions(place: str, rescoring: Rescoring, parameters: Parameters) -> Iterator[str]:
    """Yield messages on a rescoring of an unknown first pass, or by an unknown run."""
    if rescoring.scorer not in parameters.runs:
        yield f"{place}.scorer: found {rescoring.scorer!r}; expected one of {', '.join(parameters.runs)}"
    if rescoring.first_pass not in parameters.first_passes:
        names = ", ".join(parameters.first_passes)
        yield f"{place}.first_pass: found {rescoring.first_pass!r}; expected one of {names}"
