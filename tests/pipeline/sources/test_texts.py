"""Texts of a corpus: SGM files, lines, gzip and checksums."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from sacrebleu.dataset.fake_sgml import FakeSGMLDataset

from pipeline.sources import archives
from s2s.errors import UserError

SGM = """<srcset setid="newstest2014" srclang="any">
<doc sysid="ref" docid="1" genre="news" origlang="en">
<p>
<seg id="1">Plain &amp; simple: &lt;b&gt; &quot;x&quot; 5 &#39;6</seg>
<seg id="2">  spaces\u00a0of\u2003any  kind\u2028\x85 and\ttabs\r </seg>
<seg id="3">a <seg> within</seg> and after
</p>
<hl>
<seg id="4"></seg>
 <seg id="5">not at the start of the line</seg>
<segment>no segment</segment>
</hl>
</doc>
</srcset>
"""


def test_sgm_becomes_the_text_that_sacrebleu_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.sgm").write_bytes(SGM.encode())
    archives.from_sgm(tmp_path / "a.sgm", tmp_path / "ours")
    dataset: Any = FakeSGMLDataset("any", langpairs={})
    dataset._convert_format(str(tmp_path / "a.sgm"), str(tmp_path / "theirs"))
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    lines = (tmp_path / "ours").read_text().split("\n")
    assert lines[:2] == ["Plain &amp; simple: &lt;b&gt; &quot;x&quot; 5 &#39;6", "spaces of any kind and tabs"]
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\n", r"a.sgm: found no line that starts with <seg; expected WMT's SGM"),
        (b'<seg id="1">a\nb</seg>\n', r"a.sgm: found '<seg id=\"1\">a'; expected a segment to end on its line"),
        (b'<seg id="1">\xff</seg>\n', r"a.sgm line 1: found byte 0xff; expected UTF-8 text"),
    ],
)
def test_damaged_sgm_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.sgm").write_bytes(content)
    with pytest.raises(UserError, match=message):
        archives.from_sgm(tmp_path / "a.sgm", tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 0),
        (b"a\n", 1),
        (b"a\nb", 2),
        ("a\r\u2028\x85b\x0b\x0c\n\n".encode(), 2),
        (b"\n" * 3_000_001, 3_000_001),
    ],
)
def test_lines_end_at_0x0a_alone_and_the_last_may_lack_it(content: bytes, count: int, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content))
    assert [archives.count_lines(tmp_path / name) for name in ("plain", "packed")] == [count, count]


def test_damaged_and_monstrous_gzip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"a\n" * 1000)[:-4])
    with pytest.raises(UserError, match=r"a.gz: damaged gzip \(.*\); expected a whole file"):
        archives.count_lines(path)
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 100_000)
    path.write_bytes(gzip.compress(b"\0" * 3_000_000))
    with pytest.raises(UserError, match=r"a.gz: found more than \d+,\d+ bytes of text; expected less from its size"):
        archives.count_lines(path)


@pytest.mark.parametrize(
    "checksum",
    [
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_a_text_is_known_by_its_checksum(checksum: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    archives.check_sum(tmp_path / "a", checksum)
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(UserError, match=r"/a: found (md5|sha256) [0-9a-f]+; expected " + checksum.partition(":")[2]):
        archives.check_sum(tmp_path / "a", checksum)
