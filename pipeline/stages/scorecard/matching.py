"""Find results for the sides of a claim among all runs of params.yaml, by their properties and never by name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pipeline.parameters.parameters import Parameters
from pipeline.parameters.sections import Model, Translate, search
from pipeline.stages.scorecard.claims import Side
from s2s import files

PLAIN = {"length_penalty": 0.0, "word_reward": 0.0, "forbid_unknown": False, "replace_unknown": False}
FREE = ("reverse_source", "layers", "models", "beam", "foreign")
KINDS = {"first": "first pass", "even": "even average", "oracle": "oracle"}


@dataclass(frozen=True)
class Candidate:
    """A result of ours that a claim can be about."""

    kind: str
    place: str
    """The name of the run, the system or the rescoring."""
    name: str
    """The name that the scorecard shows."""
    reverse_source: bool
    layers: int
    models: int
    beam: int
    foreign: bool
    network: str
    plain: bool
    """Decoded as in the paper: hypotheses are ranked by log-probability alone, and no token is replaced."""
    alike: str
    """All other settings that decide the result, as JSON; equal in results that can be compared."""

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, int]:
        """A sort key; results nearer to the paper's experiments rank higher."""
        return self.plain, self.foreign, self.reverse_source, self.models, self.beam, self.layers


def candidates(parameters: Parameters) -> list[Candidate]:
    """Return all results that the runs, systems and rescorings of params.yaml give."""
    return [*runs(parameters), *systems(parameters), *rescorings(parameters)]


def runs(parameters: Parameters) -> Iterator[Candidate]:
    """Yield the translations of each run."""
    for name, run in parameters.runs.items():
        decoding = parameters.run(name)
        rest = search(decoding)
        yield candidate(parameters, "run", name, name, run.system, run.seeds, run.beam, False, is_plain(decoding), rest)


def systems(parameters: Parameters) -> Iterator[Candidate]:
    """Yield the models of each system that has any; `models` is 0, as all systems can be compared by some models."""
    for name in parameters.systems:
        if seeds := parameters.seeds(name):
            shown = f"{name}, seed {seeds[0]}" if len(seeds) == 1 else f"{name}, seeds {', '.join(map(str, seeds))}"
            yield candidate(parameters, "model", name, shown, name, 0, 0, False, True, {})


def rescorings(parameters: Parameters) -> Iterator[Candidate]:
    """Yield each way in which each rescoring chooses from n-best lists."""
    own_lists = {f"members/{run}.json" for run in parameters.runs}
    for name, rescoring in parameters.rescorings.items():
        scorer, path = parameters.runs[rescoring.scorer], parameters.first_passes[rescoring.first_pass]
        mean = parameters.run(rescoring.scorer).ensemble_mean
        for kind, words in KINDS.items():
            shown = f"{rescoring.first_pass if kind == 'first' else name}, {words}"
            rest, is_foreign = {"lists": path, "mean": mean}, path not in own_lists
            yield candidate(parameters, kind, name, shown, scorer.system, scorer.seeds, 0, is_foreign, True, rest)


def candidate(
    parameters: Parameters,
    kind: str,
    place: str,
    name: str,
    system: str,
    models: int,
    beam: int,
    foreign: bool,
    plain: bool,
    rest: Mapping[str, Any],
) -> Candidate:
    """Return a candidate with the properties of its system added."""
    model, train = parameters.system(system)
    architecture, vocabulary = model.model_dump(exclude={"reverse_source", "layers"}), parameters.vocabulary_of(system)
    alike = files.to_json([architecture, train.model_dump(), parameters.vocabulary(vocabulary).model_dump(), rest])
    kind_of = network(model)
    return Candidate(
        kind, place, name, model.reverse_source, model.layers, models, beam, foreign, kind_of, plain, alike
    )


def network(model: Model) -> str:
    """Return the kind of a model: "lstm" for the paper's, else the network or what its decoder sees of the source."""
    if model.network != "recurrent":
        return model.network
    is_papers = model.has_c and not model.bidirectional
    return model.context if model.context != "initial" else "lstm" if is_papers else "other"


def is_plain(decoding: Translate) -> bool:
    """Return whether hypotheses are ranked and written as in the paper."""
    values = decoding.model_dump()
    return all(values[key] == value for key, value in PLAIN.items())


def fits(candidate: Candidate, side: Side) -> bool:
    """Return whether a candidate has the properties of a side."""
    wanted = {name: getattr(side, name) for name in FREE}
    is_of_kind = candidate.kind == side.kind and candidate.network == side.network
    return is_of_kind and all(value in (None, getattr(candidate, name)) for name, value in wanted.items())


def choose(all_of_ours: Sequence[Candidate], sides: Sequence[Side], alike: bool = True) -> tuple[Candidate, ...]:
    """Choose one of our results for each side of a claim, preferring settings nearest the paper; () if none fit."""
    fitting = [[candidate for candidate in all_of_ours if fits(candidate, side)] for side in sides]
    choices = [choice for choice in product(*fitting) if not alike or are_alike(choice, sides)]
    return max(choices, key=rank, default=())


def rank(choice: Sequence[Candidate]) -> list[tuple[bool | int, ...]]:
    """Return a sort key of a choice: the first property of `Candidate.rank` decides for all sides, then the second."""
    return list(zip(*(candidate.rank for candidate in choice), strict=True))


def are_alike(choice: Sequence[Candidate], sides: Sequence[Side]) -> bool:
    """Return whether the chosen results differ in nothing but the properties that the sides name."""
    for kind in {side.kind for side in sides}:
        of_kind = [(candidate, side) for candidate, side in zip(choice, sides, strict=True) if candidate.kind == kind]
        for name in FREE:
            if len({getattr(candidate, name) for candidate, side in of_kind if getattr(side, name) is None}) > 1:
                return False
    return len({candidate.alike for candidate in choice}) == 1


def missing(all_of_ours: Sequence[Candidate], sides: Sequence[Side]) -> str:
    """Return why none of our results can be compared for a claim."""
    unmatched = [side for side in sides if not any(fits(candidate, side) for candidate in all_of_ours)]
    if unmatched:
        return f"params.yaml has no {' and no '.join(dict.fromkeys(map(describe, unmatched)))}"
    return "what params.yaml has for this differs in more than the claim names"


def describe(side: Side) -> str:
    """Describe a side in words."""
    order = {None: "", True: "reversed ", False: "forward "}[side.reverse_source]
    layers = "" if side.layers is None else f" of {side.layers} {'layer' if side.layers == 1 else 'layers'}"
    number = "" if side.models is None else f"{side.models} "
    attention = " with Bahdanau's attention" if side.network == "bahdanau" else ""
    models = f"{number}{order}{'model' if side.models == 1 else 'models'}{layers}{attention}"
    beam = "" if side.beam is None else f" with a beam of {side.beam}"
    lists = "another system's lists" if side.foreign else "n-best lists"
    match side.kind:
        case "run":
            return f"run of {models}{beam}"
        case "model":
            return models
        case _:
            return f"rescoring of {lists}" + (f" by {models}" if side.reverse_source is not None else "")
