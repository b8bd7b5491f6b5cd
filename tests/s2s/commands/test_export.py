"""Exported programs give the model's results without this repository, with torch alone."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from s2s import program
from s2s.commands.app import app
from s2s.commands.export import write_programs
from s2s.errors import UserError
from s2s.inference.search import SearchSettings, beam_search
from s2s.model.folder import WEIGHTS
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import WordVocabulary
from tests.support import model_folders, tiny

pytestmark = pytest.mark.process

SOURCES = [[3, 4, 5], [7], [6, 6, 3, 4, 5, 5, 7]]
RUN = """
import json, sys
import torch

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("s2s", "safetensors", "sentencepiece", "sacremoses"):
            raise AssertionError(name)

sys.meta_path.insert(0, Missing())
facts = json.load(open("model.json"))["export"]
encode, decode = (torch.export.load(name).module() for name in ("encoder.pt2", "decoder.pt2"))
sources, targets = json.load(sys.stdin)
with torch.inference_mode():
    lengths = torch.tensor([len(source) for source in sources])
    if facts["reverse_source"]:
        sources = [source[::-1] for source in sources]
    rows = torch.tensor([source + [facts["pad"]] * (max(lengths) - len(source)) for source in sources])
    h = c = torch.zeros(facts["state"][0], len(sources), facts["state"][1])
    for place in range(max(lengths)):
        h, c = encode(rows[:, place], place < lengths, h, c)
    found = []
    for row, target in enumerate(targets):
        tokens, total = [facts["end"], *target, facts["end"]], 0.0
        state = h[:, row:row + 1], c[:, row:row + 1]
        for before, after in zip(tokens, tokens[1:]):
            log_probs, *state = decode(torch.tensor([before]), *state)
            total += log_probs[0, after].item()
        found.append(total)
print(json.dumps(found))
"""


def save(folder: Path, network: Seq2Seq) -> Path:
    words = WordVocabulary(["un", "deux", "trois", "quatre", "cinq"])
    return model_folders.write(folder, network=network, vocabularies=(words, words))


def by_torch_alone(programs: Path, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Any:
    process = subprocess.run(
        [sys.executable, "-I", "-c", RUN],
        cwd=programs,
        input=json.dumps([sources, targets]),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("changes", [{}, {"layers": 3, "reverse_source": False, "hidden": 7}], ids=["reversed", "deep"])
def test_the_programs_say_what_search_says_where_torch_alone_is(tmp_path: Path, changes: Mapping[str, Any]) -> None:
    network = tiny.network(**changes)
    write_programs(save(tmp_path / "model", network), tmp_path / "programs")
    settings = SearchSettings(beam=3, max_tokens=12)
    best = [hypotheses[0] for hypotheses in beam_search([network], SOURCES, settings)]
    log_probs = by_torch_alone(tmp_path / "programs", SOURCES, [list(hypothesis.ids) for hypothesis in best])
    assert log_probs == pytest.approx([hypothesis.log_prob for hypothesis in best], abs=1e-5)


def test_the_folder_holds_what_is_needed_and_its_bytes_stay_the_same(tmp_path: Path) -> None:
    model = save(tmp_path / "model", tiny.network())
    contents = []
    for out in (tmp_path / "one", tmp_path / "two"):
        write_programs(model, out)
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert contents[0] == contents[1]
    assert sorted(contents[0]) == ["decoder.pt2", "encoder.pt2", "model.json", "source.words.txt", "target.words.txt"]
    assert json.loads(contents[0]["model.json"])["target_language"] == "fr"
    assert str(Path(__file__).parents[3]).encode() not in b"".join(contents[0].values())


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    model = save(tmp_path / "model", tiny.network())
    with pytest.raises(UserError, match=r"model: found it there already; expected a new folder$"):
        write_programs(model, model)
    assert (model / WEIGHTS).is_file()


@pytest.mark.parametrize(
    ("changes", "mismatch"),
    [
        ({"network": "transformer"}, "network transformer; expected recurrent"),
        ({"context": "luong_dot"}, "context luong_dot; expected initial"),
        ({"cell": "gru"}, "cell gru; expected lstm"),
        ({"bidirectional": True}, "bidirectional True; expected False"),
    ],
)
def test_a_model_of_another_kind_is_refused(changes: Mapping[str, Any], mismatch: str, tmp_path: Path) -> None:
    model = save(tmp_path / "model", tiny.network(**changes))
    with pytest.raises(UserError, match=rf"model: found {mismatch} for export$"):
        write_programs(model, tmp_path / "programs")
    assert not (tmp_path / "programs").exists()


def test_the_command_writes_what_the_function_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save(tmp_path / "model", tiny.network())
    monkeypatch.setattr(sys, "argv", ["s2s", "export", str(model), "--out", str(tmp_path / "new" / "programs")])
    with pytest.raises(SystemExit) as end:
        program.run(app)
    assert not end.value.code
    write_programs(model, tmp_path / "programs")
    for path in (tmp_path / "programs").iterdir():
        assert (tmp_path / "new" / "programs" / path.name).read_bytes() == path.read_bytes()
