"""The whole of params.yaml as one frozen, typed record."""

from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.parameters.evaluation import Ablations, Bleu, Embeddings, Length, Neighbors, Perplexity, Rarity, Report
from pipeline.parameters.sections import (
    Clean,
    Download,
    FilePath,
    Lexicon,
    Model,
    Name,
    Operation,
    Rescore,
    Rescoring,
    Run,
    Section,
    Train,
    TrainedModel,
    Translate,
    Vocab,
)

Changes = dict[Literal["model", "train"], dict[str, Any]]


class Parameters(Section):
    """All of params.yaml."""

    download: Download
    clean: Clean
    vocab: Vocab
    vocabularies: dict[Name, dict[str, Any]] = Field(min_length=1)
    model: Model
    train: Train
    systems: dict[Name, Changes] = Field(min_length=1)
    models: dict[Name, TrainedModel] = Field(min_length=1)
    runs: dict[Name, Run] = Field(min_length=1)
    first_passes: dict[Name, Annotated[FilePath, Field(min_length=1)]] = Field(min_length=1)
    rescorings: dict[Name, Rescoring] = Field(min_length=1)
    translate: Translate
    lexicon: Lexicon
    rescore: Rescore
    perplexity: Perplexity
    bleu: Bleu
    length: Length
    rarity: Rarity
    ablations: Ablations
    embeddings: Embeddings
    neighbors: Neighbors
    report: Report
    operation: Operation

    def vocabulary(self, name: str) -> Vocab:
        """Return section `vocab` with the changes of a vocabulary."""
        return Vocab.model_validate(self.vocab.model_dump() | self.vocabularies[name])

    def vocabulary_of(self, system: str) -> str:
        """Return the name of the vocabulary that the models of a system have."""
        return next(model.vocabulary for model in self.models.values() if model.system == system)

    def system(self, name: str) -> tuple[Model, Train]:
        """Return sections `model` and `train` with the changes of a system."""
        changes = self.systems[name]
        model = self.model.model_dump() | changes.get("model", {})
        train = self.train.model_dump() | changes.get("train", {})
        return Model.model_validate(model), Train.model_validate(train)

    def run(self, name: str) -> Translate:
        """Return section `translate` with the changes of a run."""
        return Translate.model_validate(self.translate.model_dump() | self.runs[name].translate)

    def seeds(self, system: str) -> list[int]:
        """Return the seeds that a system is trained from, in the order of params.yaml."""
        return [model.seed for model in self.models.values() if model.system == system]
