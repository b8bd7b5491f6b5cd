"""The corpora that can be downloaded: where each file is, how to know it, and what is in it. Add your own here."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A file to fetch: text, or an archive of texts."""

    address: str  # public, https
    size_bytes: int
    checksum: str  # "sha256:..." or, where its owners give no better, "md5:..."

    @property
    def name(self) -> str:
        """What the file is called, in mirrors too."""
        return self.address.rpartition("/")[2]


@dataclass(frozen=True)
class Corpus:
    """Texts that are translations of each other, line by line."""

    name: str
    split: str  # train, dev or test
    texts: Mapping[str, str]  # language: name of a fetched file, or of a member of `archive`
    pairs: int
    archive: str = ""  # name of the fetched file that holds the texts, if they are packed


@dataclass(frozen=True)
class Source:
    """A value of `download.source`."""

    files: tuple[File, ...]
    corpora: tuple[Corpus, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that every corpus of the source has."""
        return tuple(self.corpora[0].texts)


def en_fr(pattern: str) -> dict[str, str]:
    """The names of an English and a French text; {} stands for the language."""
    return {language: pattern.format(language) for language in ("en", "fr")}


# Elliott et al. 2016 and 2017: captions of Flickr30k and their translations; for research, non-commercial.
MULTI30K_FOLDER = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
MULTI30K_FILES = (
    ("train.en.gz", 568_929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
    ("train.fr.gz", 604_242, "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"),
    ("val.en.gz", 21_650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
    ("val.fr.gz", 23_001, "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9"),
    ("test_2016_flickr.en.gz", 21_077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"),
    ("test_2016_flickr.fr.gz", 22_310, "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"),
)
MULTI30K = Source(
    files=tuple(File(f"{MULTI30K_FOLDER}/{name}", size, f"sha256:{digest}") for name, size, digest in MULTI30K_FILES),
    corpora=(
        Corpus("multi30k", "train", en_fr("train.{}.gz"), 29_000),
        Corpus("multi30k", "dev", en_fr("val.{}.gz"), 1_014),
        Corpus("multi30k", "test", en_fr("test_2016_flickr.{}.gz"), 1_000),
    ),
)

# The training data of WMT'14, with its own development and test sets (Sutskever et al. 2014, section 3.1).
STATMT = "https://www.statmt.org"
WMT14 = Source(
    files=(
        File(
            f"{STATMT}/wmt13/training-parallel-europarl-v7.tgz",
            657_632_379,
            "sha256:0224c7c710c8a063dfd893b0cc0830202d61f4c75c17eb8e31836103d27d96e7",
        ),
        File(
            f"{STATMT}/wmt13/training-parallel-commoncrawl.tgz",
            918_311_367,
            "sha256:c7a74e2ea01ac6c920123108627e35278d4ccb5701e15428ffa34de86fa3a9e5",
        ),
        File(
            f"{STATMT}/wmt13/training-parallel-un.tgz",
            2_365_634_246,
            "sha256:29141b5c1eba149a94f7a59d3b1a834b2e47fe0f8758d68dcd77a3d3f497ee47",
        ),
        File(
            f"{STATMT}/wmt14/training-parallel-nc-v9.tgz",
            80_418_416,
            "sha256:cb8953f292298e6877ae433c98912b927cb0766b303f4540512ddd286c748485",
        ),
        File(
            f"{STATMT}/wmt10/training-giga-fren.tar",
            2_595_102_720,
            "sha256:3ff8319f6919393520559bfbc7ad6a747ec81b3abc7be9993b338d4b017b4d9a",
        ),
        File(
            f"{STATMT}/wmt14/dev.tgz",
            17_742_707,
            "sha256:cda0f85309e8ea4c9c2bc142cd795fb2771a5939ed5b4527b525dae05fa0c145",
        ),
        File(f"{STATMT}/wmt14/test-full.tgz", 3_255_445, "md5:a8cd784e006feb32ac6f3d9ec7eb389a"),
    ),
    corpora=(
        Corpus(
            "europarl-v7",
            "train",
            en_fr("training/europarl-v7.fr-en.{}"),
            2_007_723,
            "training-parallel-europarl-v7.tgz",
        ),
        Corpus("commoncrawl", "train", en_fr("commoncrawl.fr-en.{}"), 3_244_152, "training-parallel-commoncrawl.tgz"),
        Corpus("un", "train", en_fr("un/undoc.2000.fr-en.{}"), 12_886_831, "training-parallel-un.tgz"),
        Corpus(
            "news-commentary-v9",
            "train",
            en_fr("training/news-commentary-v9.fr-en.{}"),
            183_251,
            "training-parallel-nc-v9.tgz",
        ),
        Corpus("giga-fren", "train", en_fr("giga-fren.release2.fixed.{}.gz"), 22_520_376, "training-giga-fren.tar"),
        Corpus("newstest2013", "dev", en_fr("dev/newstest2013.{}"), 3_000, "dev.tgz"),
        Corpus(
            "newstest2014",
            "test",
            {"en": "test-full/newstest2014-fren-src.en.sgm", "fr": "test-full/newstest2014-fren-ref.fr.sgm"},
            3_003,
            "test-full.tgz",
        ),
    ),
)

SOURCES = {"multi30k": MULTI30K, "wmt14": WMT14}
