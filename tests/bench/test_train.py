"""The benchmarks of training: counts of matrix products and words, and the log of OpenNMT-py."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench import floor, opennmt, paper, peers, plain, quality, real_text, train
from bench.floor import Floor, Kind, Product
from bench.footprint import Footprint, run
from s2s.device import prepare
from s2s.errors import UserError
from s2s.text.vocabulary import WordVocabulary
from tests.support.project import write_parameters
from tests.support.tiny import architecture, digits, recipe

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
SMALL = {"layers": 1, "hidden": 8, "threads": 1, "device": "cpu"}
LOG = """
[2026-01-01 10:00:05,416 INFO] Step 10/   40; acc: 9.4; ppl: 3900.7; xent: 8.3; lr: 0.00100; sents:     640; \
bsz: 1702/1945/64; 238/272 tok/s;     72 sec;
[2026-01-01 10:00:11,674 INFO] Step 20/   40; acc: 10.1; ppl: 849.1; xent: 6.7; lr: 0.00100; sents:     640; \
bsz: 1434/1546/64; 2291/2472 tok/s;     78 sec;
[2026-01-01 10:00:54,562 INFO] Step 40/   40; acc: 4.1; ppl: 714.8; xent: 6.6; lr: 0.00100; sents:    1280; \
bsz: 1000/2000/64; 500/1000 tok/s;    118 sec;
"""


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the JSON that a benchmark printed."""
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(figures)[:3] == ["benchmark", "command", "machine"]
    assert {"processor", "cores", "torch"} <= figures["machine"].keys() and all(figures["machine"].values())
    return figures


def test_products_are_those_of_each_token_and_each_time_step() -> None:
    shape = architecture(layers=1, embedding=3, hidden=2, target_vocabulary=5)
    products = list(floor.products(shape, np.array([2, 1]), np.array([1, 1])))
    inputs = [Product(kind, 3, 3, 8) for kind in Kind]
    steps = [Product(kind, alive, 2, 8) for alive in (2, 1) for kind in (Kind.FORWARD, Kind.ROWS)]
    encoder = [*inputs, *steps, Product(Kind.WEIGHTS, 3, 2, 8)]
    step = [Product(Kind.FORWARD, 2, 2, 8), Product(Kind.ROWS, 2, 2, 8)]
    decoder = [*(Product(kind, 2, 3, 8) for kind in Kind), *step, Product(Kind.WEIGHTS, 2, 2, 8)]
    assert products == [*encoder, *decoder, *(Product(kind, 2, 2, 5) for kind in Kind)]
    # Multiply-adds of a token: 3 x 8 + 2 x 8, of a target token 2 x 5 more; the backward pass costs twice the forward.
    assert sum(product.operations for product in products) == 3 * 2 * (5 * (24 + 16) + 2 * 10)


def test_upper_layers_read_states() -> None:
    shape = architecture(layers=2, embedding=3, hidden=2, target_vocabulary=5)
    products = floor.products(shape, np.array([1]), np.array([1]))
    assert [product.inputs for product in products if product.kind == Kind.WEIGHTS] == [3, 2, 2, 2, 3, 2, 2, 2, 2]


@pytest.mark.parametrize(("lengths", "alive"), [([3], [1, 1, 1]), ([1, 3, 2], [3, 2, 1]), ([2, 2], [2, 2])])
def test_a_sentence_is_computed_while_it_has_tokens(lengths: list[int], alive: list[int]) -> None:
    assert floor.sentences_alive(np.array(lengths)) == alive


def test_products_are_a_linear_map_and_its_gradients() -> None:
    reference = Floor(CPU)
    plans = reference.plan(Product(kind, 4, 3, 5) for kind in Kind)
    floor.multiply(plans)
    x, w = (reference.buffers[name][:size].clone().requires_grad_() for name, size in (("x", 12), ("w", 15)))
    y = x.view(4, 3) @ w.view(5, 3).t()
    torch.autograd.backward(y, y.detach())
    for (_, _, output), expected in zip(plans, (y, x.grad, w.grad), strict=True):
        assert expected is not None
        torch.testing.assert_close(output.flatten(), expected.detach().flatten())


def test_buffers_grow_to_the_longest_product() -> None:
    reference = Floor(CPU)
    reference.plan([Product(Kind.FORWARD, 4, 3, 5)])
    assert reference.memory_mb == (12 + 15 + 20 + 12 + 15) * 4 / 1e6
    floor.multiply(reference.plan([Product(Kind.ROWS, 40, 3, 5)]))
    assert len(reference.buffers["y"]) == 200
    assert len(reference.buffers["w"]) == 15


def test_training_is_measured_beside_its_products(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = {"pairs": 60, "source_vocabulary": 40, "target_vocabulary": 30}
    train.main(updates=12, batch_sentences=8, text=tmp_path, **SMALL, **drawn)  # type: ignore[arg-type]
    figures = printed(capsys)
    assert 0 < figures["floor_share"] < 1
    assert len(figures["floor_shares"]) == 2  # blocks of ten updates
    ratio = figures["target_words_per_second"] / figures["floor_target_words_per_second"]
    assert ratio == pytest.approx(figures["floor_share"], rel=0.1)
    assert figures["source_and_target_words_per_second"] > figures["target_words_per_second"] > 0
    assert figures["peak_memory_mb"] > 50
    assert figures["updates"] == 12

    files = {"source": tmp_path / "source.txt", "target": tmp_path / "target.txt"}
    train.main(**files, updates=2, batch_sentences=8, floor=False, **SMALL)  # type: ignore[arg-type]
    again = printed(capsys)
    sizes = ("source_vocabulary", "target_vocabulary")
    assert [again[name] for name in sizes] == [figures[name] for name in sizes]
    assert "floor_share" not in again


def test_words_are_tokens_of_sources_and_of_targets_with_their_ends(tmp_path: Path) -> None:
    text = plain.Text(["a b", "c"], ["x", "y z x"])
    corpus = plain.prepare(text, (10, 10), tmp_path).corpus
    source, target = train.lengths(corpus, np.array([1, 0], np.int32))
    assert (source.tolist(), target.tolist()) == ([1, 2], [4, 2])


def test_a_short_text_is_gone_through_again(tmp_path: Path) -> None:
    corpus = digits(tmp_path, "train", 20, seed=1)
    trainer = train.start(architecture(), recipe(batch_sentences=20), corpus, CPU)
    once = len(trainer.epoch_batches())
    batches = train.take(trainer, 2 * once + 1)
    assert len(batches) == 2 * once + 1
    assert sorted(np.concatenate(batches[once : 2 * once]).tolist()) == list(range(20))


def test_text_is_read_in_pairs(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("one  two\n\nthree\n", encoding="utf-8")
    target.write_text("un deux\nquatre\ntrois", encoding="utf-8")
    assert plain.read(source, target) == plain.Text(["one two", "three"], ["un deux", "trois"])


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a\nb\n", "x\n", r"found 1 lines; expected 2, as .*source has"),
        ("a\n", "\n", "found no pair of sentences; expected one at least"),
        ("a\n", None, "target: no such file; expected tokenized text"),
    ],
)
def test_text_that_is_no_pair_is_refused(tmp_path: Path, source: str, target: str | None, message: str) -> None:
    for name, content in (("source", source), ("target", target)):
        if content is not None:
            (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        plain.read(tmp_path / "source", tmp_path / "target")


@pytest.mark.parametrize("main", [train.main, peers.main])
def test_one_side_of_a_text_is_refused(main: Any) -> None:
    with pytest.raises(UserError, match="--source and --target: found one of them; expected both or none"):
        main(source=Path("a"))


def test_the_papers_model_is_measured_at_each_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {"pairs": 60, "source_vocabulary": 40, "target_vocabulary": 30, "batches": "8,16", "peak_size": 64}
    paper.main(updates=2, memory_gb=1.0, **SMALL, **sizes)  # type: ignore[arg-type]
    figures = printed(capsys)
    assert [result["batch_sentences"] for result in figures["runs"]] == [8, 16]
    for result in (*figures["runs"], figures["within_budget"]):
        hours = 7.5 * (348e6 + 304e6) / result["source_and_target_words_per_second"] / 3600
        assert result["hours_of_the_papers_training"] == pytest.approx(hours, rel=0.01)
        assert 0 < result["matrix_peak_share"] < 1
    assert figures["within_budget"]["piece_tokens"] > 0  # cut into pieces to fit the memory budget
    assert figures["runs"][0]["piece_tokens"] == 0


def test_the_paper_has_384_million_parameters() -> None:
    from s2s.model.interface import Architecture
    from s2s.model.seq2seq import Seq2Seq, parameter_count

    pass

    with torch.device("meta"):
        model = Seq2Seq(Architecture("lstm", 4, 1000, 1000, 0.0, True, 0.08, 160_000, 80_000))
    assert parameter_count(model) == pytest.approx(384e6, rel=1e-3)


def test_benchmarks_of_a_gpu_need_the_library_alone() -> None:
    banned = ("mlflow", "dvc", "pandas", "pydantic", "yaml", "psutil", "snakemake")
    program = f"import sys, bench.train, bench.paper; print([name for name in {banned} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_the_peers_log_is_read_as_it_stands() -> None:
    reports = opennmt.parse(LOG)
    assert [report.update for report in reports] == [10, 20, 40]
    assert reports[1] == opennmt.Report(20, 1434, 1546, 2472, 78)
    target, both = opennmt.words_per_second(reports)  # without the first report, which includes the start
    seconds = 15460 / 2472 + 40000 / 1000
    assert target == pytest.approx((15460 + 40000) / seconds)
    assert both == pytest.approx((15460 + 40000 + 14340 + 20000) / seconds)


def test_the_peer_trains_the_same_model() -> None:
    shape = architecture(layers=3, hidden=7, embedding=6, source_vocabulary=50, target_vocabulary=40)
    settings = opennmt.configuration(shape, recipe(optimizer="adamw"), Path("text"), 100, 1, {"train_steps": 5})
    expected = {"layers": 3, "hidden_size": 7, "word_vec_size": 6, "global_attention": "none", "input_feed": 0}
    expected |= {"optim": "adam", "batch_size": 32, "batch_type": "sents", "train_steps": 5}
    assert expected.items() <= settings.items()
    assert peers.peer_changes(60) == {"train_steps": 70, "report_every": 10}


def test_the_peer_reads_subwords_in_our_models_order(tmp_path: Path) -> None:
    corpus = digits(tmp_path, "train", 5, seed=1)
    vocabulary = WordVocabulary(["a", "b", "c", "d", "e"])
    real_text.write_lines(tmp_path / "forward", corpus.target, vocabulary, reverse=False)
    real_text.write_lines(tmp_path / "backward", corpus.target, vocabulary, reverse=True)
    forward = (tmp_path / "forward").read_text(encoding="utf-8").splitlines()
    assert forward == [vocabulary.text(corpus.target[pair].tolist()) for pair in range(5)]
    backward = (tmp_path / "backward").read_text(encoding="utf-8").splitlines()
    assert [line.split()[::-1] for line in backward] == [line.split() for line in forward]


def test_speeds_are_compared_run_by_run() -> None:
    def speeds(*values: float, memory: float) -> list[peers.Speed]:
        return [peers.Speed(value, 2 * value, Footprint(peak_memory_mb=memory)) for value in values]

    summary = peers.summary({"ours": speeds(40, 60, 50, memory=300), "opennmt": speeds(10, 30, 25, memory=400)})
    assert summary["ratio"] == 2.0
    assert summary["ratios"] == [4.0, 2.0, 2.0]
    assert summary["memory_ratio"] == 0.75
    assert summary["ours"]["target_words_per_second"] == 50


def test_a_training_has_all_batches_of_its_passes(tmp_path: Path) -> None:
    trainer = train.start(architecture(), recipe(epochs=1.5), digits(tmp_path, "train", 200, seed=1), CPU)
    once = len(trainer.epoch_batches())
    steps = quality.plan(trainer)
    assert len(steps) == -(-3 * once // 2)
    assert sorted(np.concatenate([batch for _, batch in steps[:once]]).tolist()) == list(range(200))
    quality.make_updates(trainer, steps[:3])
    assert trainer.position.update == 3


def test_quality_is_measured_on_text_of_the_pipeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = {"seed": 1, "train_pairs": 200, "dev_pairs": 10, "test_pairs": 10, "max_words": 20}
    write_parameters(tmp_path, download={"demo": demo}, model={"hidden": 8, "embedding": 8}, train={"threads": 1})
    quality.main(parameter_file=tmp_path / "params.yaml", epochs=1.0, evaluations=2, peer=False)
    curve = printed(capsys)["ours"]
    assert len(curve) == 2
    assert 0 < curve[0]["minutes"] < curve[1]["minutes"] < 5
    assert 0 < curve[0]["update"] < curve[1]["update"]
    assert all(0 <= point[f"{split}_bleu"] <= 100 for point in curve for split in ("dev", "test"))


def test_time_to_quality_is_when_a_curve_first_reaches_the_peers_best() -> None:
    ours = [{"minutes": 1.0, "dev_bleu": 20.0}, {"minutes": 2.0, "dev_bleu": 31.0}, {"minutes": 3.0, "dev_bleu": 30.0}]
    peer = [{"minutes": 4.0, "dev_bleu": 30.5}, {"minutes": 8.0, "dev_bleu": 30.2}]
    expected = {"best_opennmt_dev_bleu": 30.5, "ours_minutes_to_it": 2.0, "opennmt_minutes_to_it": 4.0}
    assert quality.compared(ours, peer) == expected
    assert quality.compared(ours[:1], peer)["ours_minutes_to_it"] is None


def test_what_a_program_prints_can_be_kept(tmp_path: Path) -> None:
    cost = run([sys.executable, "-c", "print('said')"], tmp_path, {}, tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "said\n"
    assert cost.largest_process_mb > 1


def test_the_best_of_several_sizes_is_the_peak() -> None:
    prepare("cpu", 1)
    assert floor.peak_rate(CPU, torch.float32, (16, 128), count=2) > 1e8
