"""N-best lists in Moses' format: reading returns what was written, and errors name the line."""

import gzip
from pathlib import Path

import pytest
import sacremoses

from s2s.errors import UserError
from s2s.inference import nbest
from s2s.inference.nbest import Candidate
from s2s.text.lines import lines

LISTS = [
    [
        Candidate('l\' ami dit : " oui & non " .', -1.25, {"lm": (-3.5,), "tm": (-1.0, 1e-07, 0.1)}),
        Candidate("a ||| b | c [ <unk> ] &amp;", -1.25),
    ],
    [Candidate("", 0.1 + 0.2, {"lm": ()})],
    [Candidate("œuvre déjà vue", -1e22, {"lm": (-0.0,)})],
]
MOSES = """\
0 ||| la maison  ||| LexicalReordering0= -1.5 0 0 Distortion0= 0 LM0= -30.25 ||| -2.75
0 ||| une &#124; maison &apos; ||| LexicalReordering0= -2 0 0 Distortion0= -1 LM0= -31 ||| -3e0\r
1 ||| | ||| d: -4 w: -5 ||| 7
"""


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "dev.nbest"
    nbest.write(path, iter(LISTS))
    assert list(nbest.read(lines(path), str(path), 3)) == LISTS
    first = path.read_bytes()
    nbest.write(path, nbest.read(first.decode().split("\n")[:-1], "memory", 3))
    assert path.read_bytes() == first


def test_lists_of_moses_are_read_plain_and_packed(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text(MOSES, encoding="utf-8")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(MOSES.encode()))
    for name in ("plain", "packed.gz"):
        (house, second), (pipe,) = nbest.read(lines(tmp_path / name), name, 2)
        features = {"LexicalReordering0": (-1.5, 0.0, 0.0), "Distortion0": (0.0,), "LM0": (-30.25,)}
        assert house == Candidate("la maison", -2.75, features)
        assert (second.tokens, second.score) == ("une | maison '", -3.0)
        assert pipe == Candidate("|", 7.0, {"d": (-4.0,), "w": (-5.0,)})


def test_a_line_without_features_has_three_fields() -> None:
    assert list(nbest.read(["0 ||| oui ||| -1.5"], "list", 1)) == [[Candidate("oui", -1.5)]]


def test_special_characters_are_escaped_as_moses_does() -> None:
    tokens = "l' a & b | c < d > \" [ e ] &amp; &#124;"
    assert nbest.escape(tokens) == sacremoses.MosesTokenizer("fr").escape_xml(tokens)
    assert nbest.unescape(nbest.escape(tokens)) == tokens


def test_lists_are_read_one_sentence_at_a_time() -> None:
    def endless() -> object:
        yield from ("0 ||| a ||| 1", "0 ||| b ||| 1", "1 ||| c ||| 1")
        raise AssertionError("read too far")

    assert len(next(nbest.read(endless(), "list", 9))) == 2  # type: ignore[arg-type]


def test_a_list_that_is_not_written_whole_is_not_there(tmp_path: Path) -> None:
    def broken() -> object:
        yield LISTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nbest.write(tmp_path / "dev.nbest", broken())  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


FIELDS = r"expected id \|\|\| hypothesis \|\|\| features \|\|\| score, or without features"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 ||| a ||| 1", r"list line 1: found sentence 1; expected 0"),
        ("0 ||| a ||| 1\n2 ||| a ||| 1", r"list line 2: found sentence 2; expected 0 or 1"),
        ("0 ||| a ||| 1\n1 ||| a ||| 1\n0 ||| a ||| 1", r"list line 3: found sentence 0; expected 1 or 2"),
        ("0 ||| a ||| 1", r"list: found 1 sentences; expected 2, as many as the source"),
        ("", r"list line 1: found 1 fields; " + FIELDS),
        ("0 ||| a ||| 1\n1 ||| a ||| 1\n2 ||| a ||| 1", r"list line 3: found sentence 2; expected 2 sentences, as the"),
        ("0 ||| a ||| 1\n\n", r"list line 2: found 1 fields; " + FIELDS),
        ("0 ||| a", r"list line 1: found 2 fields; " + FIELDS),
        ("0 ||| a ||| lm= 1 ||| 1 ||| 0-0", r"list line 1: found 5 fields; " + FIELDS),
        ("x ||| a ||| 1", r"list line 1: found id 'x'; expected the number of a sentence, from 0"),
        ("-1 ||| a ||| 1", r"list line 1: found id '-1'; expected the number of a sentence, from 0"),
        ("0 ||| a ||| lm= 1", r"list line 1: found score 'lm= 1'; expected a finite number"),
        ("0 ||| a ||| lm= 1 ||| nan", r"list line 1: found score 'nan'; expected a finite number"),
        ("0 ||| a ||| lm= 1 -inf ||| 1", r"list line 1: found feature lm '-inf'; expected a finite number"),
        ("0 ||| a ||| lm= x ||| 1", r"list line 1: found feature lm 'x'; expected a finite number"),
        ("0 ||| a ||| 1 lm= 1 ||| 1", r"list line 1: found '1' before any feature; expected name= and its values"),
        ("0 ||| a ||| lm= 1 lm= 2 ||| 1", r"list line 1: found feature 'lm' twice or nameless; expected it once"),
        ("0 ||| a ||| = 1 ||| 1", r"list line 1: found feature '' twice or nameless; expected it once"),
    ],
)
def test_a_mistake_is_told_with_its_line(content: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        list(nbest.read(content.split("\n"), "list", 2))
