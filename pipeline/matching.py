"""Finds what a claim of the paper compares among what params.yaml runs: by its properties, never by its name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pipeline.claims import Side
from pipeline.parameters import Model, Parameters, Translate
from s2s import files

IDLE = {"batch_sentences", "n_best", "device", "threads"}  # keys that decide no translation
PLAIN = {"length_penalty": 0.0, "word_reward": 0.0, "forbid_unknown": False, "replace_unknown": False}
FREE = ("reverse_source", "layers", "models", "beam", "foreign")
KINDS = {"first": "first pass", "even": "even average", "oracle": "oracle"}


@dataclass(frozen=True)
class Found:
    """Something of ours that a claim can be about."""

    kind: str
    place: str
    """The name of the run, the system or the rescoring."""
    name: str
    """As it is shown."""
    reverse_source: bool
    layers: int
    models: int
    beam: int
    foreign: bool
    network: str
    plain: bool
    """Decoded as the paper did: by log-probability alone, with nothing replaced."""
    alike: str
    """All else that decides the result."""

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, int]:
        """What is nearer to the paper ranks higher: plain, another system's lists, reversed, many models and so on."""
        return self.plain, self.foreign, self.reverse_source, self.models, self.beam, self.layers


def candidates(parameters: Parameters) -> list[Found]:
    """All that params.yaml runs."""
    return [*runs(parameters), *systems(parameters), *rescorings(parameters)]


def runs(parameters: Parameters) -> Iterator[Found]:
    """The translations of each run."""
    for name, run in parameters.runs.items():
        decoding = parameters.run(name)
        rest = search(decoding)
        yield found(parameters, "run", name, name, run.system, run.seeds, run.beam, False, is_plain(decoding), rest)


def systems(parameters: Parameters) -> Iterator[Found]:
    """The models of each system that has some; their number is free."""
    for name in parameters.systems:
        if seeds := parameters.seeds(name):
            shown = f"{name}, seed {seeds[0]}" if len(seeds) == 1 else f"{name}, seeds {', '.join(map(str, seeds))}"
            yield found(parameters, "model", name, shown, name, 0, 0, False, True, {})


def rescorings(parameters: Parameters) -> Iterator[Found]:
    """What each rescoring chooses from the lists of a first pass."""
    ours = {f"members/{run}.json" for run in parameters.runs}
    for name, rescoring in parameters.rescorings.items():
        scorer, path = parameters.runs[rescoring.scorer], parameters.first_passes[rescoring.first_pass]
        mean = parameters.run(rescoring.scorer).ensemble_mean
        for kind, words in KINDS.items():
            shown = f"{rescoring.first_pass if kind == 'first' else name}, {words}"
            rest = {"lists": path, "mean": mean}
            yield found(parameters, kind, name, shown, scorer.system, scorer.seeds, 0, path not in ours, True, rest)


def found(
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
) -> Found:
    """Something of ours, by the system that it is made with."""
    model, train = parameters.system(system)
    other, vocabulary = model.model_dump(exclude={"reverse_source", "layers"}), parameters.vocabulary_of(system)
    alike = files.to_json([other, train.model_dump(), parameters.vocabulary(vocabulary).model_dump(), rest])
    kind_of = network(model)
    return Found(kind, place, name, model.reverse_source, model.layers, models, beam, foreign, kind_of, plain, alike)


def network(model: Model) -> str:
    """The kind of a model: "lstm" is the paper's, others are known by what their decoder sees of the source."""
    if model.network != "recurrent":
        return model.network
    papers = model.has_c and not model.bidirectional
    return model.context if model.context != "initial" else "lstm" if papers else "other"


def search(decoding: Translate) -> dict[str, Any]:
    """What of a run's decoding decides its translations."""
    return decoding.model_dump(exclude=IDLE)


def is_plain(decoding: Translate) -> bool:
    """Whether hypotheses are ranked and written as in the paper."""
    values = decoding.model_dump()
    return all(values[key] == value for key, value in PLAIN.items())


def fits(one: Found, side: Side) -> bool:
    """Whether something of ours has the properties of a side."""
    wanted = {name: getattr(side, name) for name in FREE}
    alike = one.kind == side.kind and one.network == side.network
    return alike and all(value in (None, getattr(one, name)) for name, value in wanted.items())


def choose(all_of_ours: Sequence[Found], sides: Sequence[Side], alike: bool = True) -> tuple[Found, ...]:
    """What of ours is compared, in the order of the sides: of several choices the nearest to the paper, or nothing."""
    fitting = [[one for one in all_of_ours if fits(one, side)] for side in sides]
    choices = [one for one in product(*fitting) if not alike or are_alike(one, sides)]
    return max(choices, key=lambda choice: list(zip(*(one.rank for one in choice), strict=True)), default=())


def are_alike(choice: Sequence[Found], sides: Sequence[Side]) -> bool:
    """Whether what is compared differs in nothing but what the sides name."""
    for kind in {side.kind for side in sides}:
        of_kind = [(one, side) for one, side in zip(choice, sides, strict=True) if one.kind == kind]
        for name in FREE:
            if len({getattr(one, name) for one, side in of_kind if getattr(side, name) is None}) > 1:
                return False
    return len({one.alike for one in choice}) == 1


def missing(all_of_ours: Sequence[Found], sides: Sequence[Side]) -> str:
    """Why nothing of ours can be compared."""
    lacking = [describe(side) for side in sides if not any(fits(one, side) for one in all_of_ours)]
    if lacking:
        return f"params.yaml has no {' and no '.join(dict.fromkeys(lacking))}"
    return "what params.yaml has for this differs in more than the claim names"


def describe(side: Side) -> str:
    """What a side is, in words."""
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
