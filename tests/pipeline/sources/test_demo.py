"""The demo corpus: English and French sentences of parse trees, and properties of a generated corpus."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.sources.demo import english, french, lexicon
from pipeline.sources.demo.conjugation import conjugate, participle
from pipeline.sources.demo.corpus import Pairs, generate
from pipeline.sources.demo.lexicon import Adjective, Noun, Phrase, Verb
from pipeline.sources.demo.phrases import PERSONS
from pipeline.sources.demo.tree import (
    Act,
    Clause,
    Coordination,
    Existence,
    Features,
    Gap,
    Group,
    Name,
    Nominal,
    Passive,
    Place,
    Predicate,
    Pronoun,
    Question,
    Sentence,
    State,
    Subordination,
    Weather,
)
from s2s.corpus.difficulty import HeldOut, measure
from s2s.text.tokenizer import detokenize, tokenize

VERBS = [
    *lexicon.INTRANSITIVE,
    *lexicon.TRANSITIVE,
    *lexicon.MOTION,
    *lexicon.OBLIQUE,
    *lexicon.DITRANSITIVE,
    *lexicon.CONTROL,
    *lexicon.CLAUSAL,
    *lexicon.LINKING,
    *lexicon.WEATHER,
]


def noun(word: str) -> Noun:
    return next(candidate for candidate in lexicon.ALL_NOUNS if candidate.english == word)


def adjective(word: str) -> Adjective:
    return next(candidate for candidate in lexicon.ADJECTIVES if candidate.english == word)


def verb(words: str) -> Verb:
    base, _, particle = words.partition(" ")
    return next(candidate for candidate in VERBS if (candidate.base, candidate.particle) == (base, particle))


def the(word: str, *adjectives: str, plural: bool = False, determiner: str = "the") -> Nominal:
    return Nominal(noun(word), determiner, plural, tuple(adjective(name) for name in adjectives))


def some(word: str, *adjectives: str) -> Nominal:
    return the(word, *adjectives, plural=not noun(word).mass, determiner="a")


def a(word: str, *adjectives: str) -> Nominal:
    return the(word, *adjectives, determiner="a")


def say(subject: object, predicate: Predicate, tense: str = "past", **rest: object) -> Clause:
    return replace(Clause(THEY, (predicate,), tense), **({"subject": subject} | rest))  # type: ignore[arg-type]


def do(words: str, thing: object = None, **rest: object) -> Act:
    return replace(Act(verb(words)), **({"object": thing} | rest))  # type: ignore[arg-type]


def be(word: str, **rest: object) -> State:
    return replace(State(verb("be"), adjective(word)), **rest)  # type: ignore[arg-type]


def at(english_word: str, french_words: str, phrase: object) -> Place:
    return Place(Phrase(english_word, french_words), phrase)  # type: ignore[arg-type]


def gap(feminine: bool = False, plural: bool = False) -> Gap:
    return Gap(Features(3, plural, feminine))


def named(name: str, feminine: bool = True) -> Name:
    return Name(Phrase(name, name), feminine)


ME, WE, YOU, HE, SHE, THEY = (PERSONS[word] for word in ("I", "we", "you", "he", "she", "they"))
IT, IT_F = Pronoun(Features(), thing=True), Pronoun(Features(feminine=True), thing=True)
CHILD, WOMAN, MAN, TEACHER = the("child"), the("woman"), the("man"), the("teacher")
ANNE = named("Anne")
GARDEN = at("in", "dans", the("garden"))

CASES: list[tuple[Sentence, str, str]] = [
    # gender and number
    (say(WOMAN, be("happy")), "The woman was happy.", "La femme était heureuse."),
    (
        say(the("nurse", plural=True), be("jealous"), "present"),
        "The nurses are jealous.",
        "Les infirmières sont jalouses.",
    ),
    (
        say(MAN, do("see", the("horse", "white", plural=True))),
        "The man saw the white horses.",
        "L'homme a vu les chevaux blancs.",
    ),
    (say(Group((WOMAN, ANNE)), do("arrive")), "The woman and Anne arrived.", "La femme et Anne sont arrivées."),
    (say(Group((WOMAN, MAN)), do("arrive")), "The woman and the man arrived.", "La femme et l'homme sont arrivés."),
    (say(ME, do("read", the("letter", determiner="my")), "present"), "I read my letter.", "Je lis ma lettre."),
    (say(SHE, do("love", the("friend", determiner="her")), "present"), "She loves her friend.", "Elle aime son ami."),
    (say(HE, do("take", the("sword", determiner="his"))), "He took his sword.", "Il a pris son épée."),
    (
        say(THEY, do("see", the("tree", determiner="this")), "future"),
        "They will see this tree.",
        "Ils verront cet arbre.",
    ),
    (
        say(THEY, do("see", the("church", determiner="this")), "future"),
        "They will see this church.",
        "Ils verront cette église.",
    ),
    (
        say(HE, do("see", the("girl", plural=True, determiner="all"))),
        "He saw all the girls.",
        "Il a vu toutes les filles.",
    ),
    # elision, and the aspirated h
    (say(ME, do("love", the("hero")), "present"), "I love the hero.", "J'aime le héros."),
    (say(ME, do("love", the("man")), "present"), "I love the man.", "J'aime l'homme."),
    (say(HE, do("look for", the("axe")), "present"), "He looks for the axe.", "Il cherche la hache."),
    # contractions
    (say(HE, do("go", goal=at("to", "à", the("market")))), "He went to the market.", "Il est allé au marché."),
    (say(HE, do("go", goal=at("to", "à", the("hospital")))), "He went to the hospital.", "Il est allé à l'hôpital."),
    (say(HE, do("go", goal=at("to", "à", the("station")))), "He went to the station.", "Il est allé à la gare."),
    (say(HE, do("talk to", the("child", plural=True))), "He talked to the children.", "Il a parlé aux enfants."),
    (say(HE, do("talk about", the("king")), "present"), "He talks about the king.", "Il parle du roi."),
    (say(HE, do("talk about", the("king", plural=True)), "present"), "He talks about the kings.", "Il parle des rois."),
    (say(HE, do("talk about", some("king")), "present"), "He talks about kings.", "Il parle de rois."),
    (say(HE, do("talk about", a("king")), "present"), "He talks about a king.", "Il parle d'un roi."),
    (say(HE, do("try to", infinitive=do("see", HE)), "present"), "He tries to see him.", "Il essaie de le voir."),
    (
        say(HE, do("read", Nominal(noun("letter"), owner=the("doctor")))),
        "He read the doctor's letter.",
        "Il a lu la lettre du médecin.",
    ),
    (
        say(HE, do("talk to", Group((the("teacher"), the("queen"), ANNE)))),
        "He talked to the teacher, the queen and Anne.",
        "Il a parlé au professeur, à la reine et à Anne.",
    ),
    # partitive and plural articles
    (say(SHE, do("drink", some("water")), "present"), "She drinks water.", "Elle boit de l'eau."),
    (say(SHE, do("eat", some("soup")), "present"), "She eats soup.", "Elle mange de la soupe."),
    (say(SHE, do("eat", some("bread")), "present"), "She eats bread.", "Elle mange du pain."),
    (say(SHE, do("buy", some("car")), "future"), "She will buy cars.", "Elle achètera des voitures."),
    (say(SHE, do("buy", some("car", "big")), "future"), "She will buy big cars.", "Elle achètera de grandes voitures."),
    (say(SHE, do("eat", an := a("orange")), "future"), "She will eat an orange.", "Elle mangera une orange."),
    # adjectives: position, and bel, vieil, nouvel
    (say(HE, do("see", a("tree", "beautiful"))), "He saw a beautiful tree.", "Il a vu un bel arbre."),
    (
        say(HE, do("see", the("friend", "old", "tired"))),
        "He saw the old tired friend.",
        "Il a vu le vieil ami fatigué.",
    ),
    (say(HE, do("buy", a("computer", "new"))), "He bought a new computer.", "Il a acheté un nouvel ordinateur."),
    (
        say(HE, do("buy", a("shirt", "new", "white"))),
        "He bought a new white shirt.",
        "Il a acheté une nouvelle chemise blanche.",
    ),
    (say(the("dog", "old"), do("sleep"), "present"), "The old dog sleeps.", "Le vieux chien dort."),
    (
        say(ANNE, be("good", comparison="more", standard=TEACHER), "present"),
        "Anne is better than the teacher.",
        "Anne est meilleure que le professeur.",
    ),
    (
        say(ANNE, be("young", comparison="as", standard=HE), "present"),
        "Anne is as young as him.",
        "Anne est aussi jeune que lui.",
    ),
    (
        say(THEY, State(verb("be"), noun=the("doctor", "good", plural=True, determiner="a")), "present"),
        "They are good doctors.",
        "Ils sont de bons médecins.",
    ),
    # negation
    (say(CHILD, do("sleep"), "present", negation="not"), "The child does not sleep.", "L'enfant ne dort pas."),
    (say(CHILD, do("eat", an), negation="not"), "The child did not eat an orange.", "L'enfant n'a pas mangé d'orange."),
    (say(SHE, do("see", HE), negation="never"), "She never saw him.", "Elle ne l'a jamais vu."),
    (say(WE, do("get up"), negation="not"), "We did not get up.", "Nous ne nous sommes pas levés."),
    (say(SHE, do("see", THEY), "future", negation="not"), "She will not see them.", "Elle ne les verra pas."),
    (
        say(SHE, do("see", THEY), "present", negation="not", modal=lexicon.MODALS[0]),
        "She cannot see them.",
        "Elle ne peut pas les voir.",
    ),
    (
        say(HE, Existence(a("cat"), (GARDEN,)), negation="not"),
        "There was no cat in the garden.",
        "Il n'y avait pas de chat dans le jardin.",
    ),
    # clitics, and agreement of the participle with a direct object before it
    (say(HE, do("see", SHE)), "He saw her.", "Il l'a vue."),
    (say(SHE, do("see", ME)), "She saw me.", "Elle m'a vu."),
    (say(HE, do("answer", SHE)), "He answered her.", "Il lui a répondu."),
    (say(HE, do("think of", SHE), "present"), "He thinks of her.", "Il pense à elle."),
    (say(ME, do("make fun of", THEY), "present"), "I make fun of them.", "Je me moque d'eux."),
    (say(HE, do("give", the("letter"), recipient=THEY)), "He gave the letter to them.", "Il leur a donné la lettre."),
    (say(HE, do("show", THEY, recipient=SHE)), "He showed them to her.", "Il les lui a montrés."),
    (say(HE, do("introduce", SHE, recipient=ME)), "He introduced her to me.", "Il me l'a présentée."),
    (
        Clause(MAN, (do("buy", a("car")), do("sell", IT_F)), "past"),
        "The man bought a car and sold it.",
        "L'homme a acheté une voiture et l'a vendue.",
    ),
    # tenses
    (say(ME, do("go out"), "present"), "I go out.", "Je sors."),
    (say(SHE, do("go out")), "She went out.", "Elle est sortie."),
    (say(SHE, do("go out"), "progressive"), "She is going out.", "Elle sort."),
    (say(SHE, do("wake up")), "She woke up.", "Elle s'est réveillée."),
    (say(SHE, do("write", the("book")), "past_progressive"), "She was writing the book.", "Elle écrivait le livre."),
    (say(SHE, do("write", the("book")), "perfect"), "She has written the book.", "Elle a écrit le livre."),
    (say(SHE, do("know", MAN)), "She knew the man.", "Elle connaissait l'homme."),
    (say(YOU, do("want to", infinitive=do("rest")), "present"), "You want to rest.", "Vous voulez vous reposer."),
    (say(HE, Weather(verb("snow")), "future"), "It will snow.", "Il neigera."),
    # the passive
    (
        say(the("letter"), Passive(verb("write"), the("king")), "past"),
        "The letter was written by the king.",
        "La lettre a été écrite par le roi.",
    ),
    (
        say(the("queen"), Passive(verb("admire"), CHILD)),
        "The queen was admired by the child.",
        "La reine était admirée par l'enfant.",
    ),
    (
        say(the("key", plural=True), Passive(verb("find")), "future"),
        "The keys will be found.",
        "Les clés seront trouvées.",
    ),
    (
        say(the("key", plural=True), Passive(verb("find")), negation="not"),
        "The keys were not found.",
        "Les clés n'ont pas été trouvées.",
    ),
    # relative clauses
    (
        say(replace(the("letter"), relative=say(WOMAN, do("write", gap(feminine=True)))), be("long"), "present"),
        "The letter that the woman wrote is long.",
        "La lettre que la femme a écrite est longue.",
    ),
    (
        say(HE, do("see", replace(the("girl", plural=True), relative=say(gap(True, True), do("leave"))))),
        "He saw the girls who left.",
        "Il a vu les filles qui sont parties.",
    ),
    (
        say(replace(the("dog"), relative=say(ANNE, do("love", gap()), "present")), do("sleep"), "present"),
        "The dog that Anne loves sleeps.",
        "Le chien qu'Anne aime dort.",
    ),
    # subordinate clauses, fronted adverbials, coordination
    (
        say(HE, do("say", content=say(SHE, do("come"), "conditional"))),
        "He said that she would come.",
        "Il a dit qu'elle viendrait.",
    ),
    (
        Subordination("when", say(HE, do("arrive"), "when_future"), say(SHE, do("eat"), "future"), True),
        "When he arrives, she will eat.",
        "Quand il arrivera, elle mangera.",
    ),
    (
        Subordination("if", say(HE, do("come"), "present"), say(SHE, do("leave"), "future"), False),
        "She will leave if he comes.",
        "Elle partira s'il vient.",
    ),
    (
        Subordination("because", say(ANNE, be("tired")), say(ANNE, do("sleep")), False),
        "Anne slept because Anne was tired.",
        "Anne a dormi parce qu'Anne était fatiguée.",
    ),
    (say(HE, do("sleep"), fronted=Phrase("yesterday", "hier")), "Yesterday, he slept.", "Hier, il a dormi."),
    (
        Coordination("and", (say(HE, do("eat")), say(SHE, do("run")), say(THEY, do("sleep")))),
        "He ate, she ran, and they slept.",
        "Il a mangé, elle a couru et ils ont dormi.",
    ),
    (
        Coordination("but", (say(HE, do("eat")), say(SHE, do("sleep")))),
        "He ate, but she slept.",
        "Il a mangé, mais elle a dormi.",
    ),
    # questions
    (Question(say(HE, do("eat"))), "Did he eat?", "Est-ce qu'il a mangé ?"),
    (
        Question(say(SHE, be("tired"), "present", negation="not")),
        "Is she not tired?",
        "Est-ce qu'elle n'est pas fatiguée ?",
    ),
    (
        Question(say(HE, Existence(a("cat"), (GARDEN,)), "present")),
        "Is there a cat in the garden?",
        "Est-ce qu'il y a un chat dans le jardin ?",
    ),
    (Question(say(gap(), do("see", SHE)), "who"), "Who saw her?", "Qui l'a vue ?"),
    (Question(say(WOMAN, do("buy", gap())), "what"), "What did the woman buy?", "Qu'est-ce que la femme a acheté ?"),
    (Question(say(HE, do("sleep"), "future"), "where"), "Where will he sleep?", "Où est-ce qu'il dormira ?"),
    # English only
    (say(HE, do("see", an)), "He saw an orange.", "Il a vu une orange."),
    (
        say(SHE, do("go", goal=at("to", "à", a("university"))), "present"),
        "She goes to a university.",
        "Elle va à une université.",
    ),
    (
        say(HE, do("see", Nominal(noun("dog"), owner=the("girl", plural=True)))),
        "He saw the girls' dog.",
        "Il a vu le chien des filles.",
    ),
    (say(SHE, do("carry", the("box")), "present"), "She carries the box.", "Elle porte la boîte."),
    (say(WE, do("lie to", HE), "past_progressive"), "We were lying to him.", "Nous lui mentions."),
]


@pytest.mark.parametrize(("tree", "source", "target"), CASES, ids=[source for _, source, _ in CASES])
def test_sentence(tree: Sentence, source: str, target: str) -> None:
    assert (english.sentence(tree), french.sentence(tree)) == (source, target)


@pytest.mark.parametrize(
    ("infinitive", "forms"),
    [
        ("être", "suis sommes étais serai"),
        ("aller", "vais allons allais irai"),
        ("finir", "finis finissons finissais finirai"),
        ("vendre", "vends vendons vendais vendrai"),
        ("manger", "mange mangeons mangeais mangerai"),
        ("commencer", "commence commençons commençais commencerai"),
        ("acheter", "achète achetons achetais achèterai"),
        ("préférer", "préfère préférons préférais préférerai"),
        ("appeler", "appelle appelons appelais appellerai"),
        ("jeter", "jette jetons jetais jetterai"),
        ("nettoyer", "nettoie nettoyons nettoyais nettoierai"),
        ("envoyer", "envoie envoyons envoyais enverrai"),
        ("étudier", "étudie étudions étudiais étudierai"),
        ("devenir", "deviens devenons devenais deviendrai"),
        ("comprendre", "comprends comprenons comprenais comprendrai"),
        ("promettre", "promets promettons promettais promettrai"),
        ("découvrir", "découvre découvrons découvrais découvrirai"),
        ("construire", "construis construisons construisais construirai"),
        ("craindre", "crains craignons craignais craindrai"),
        ("décrire", "décris décrivons décrivais décrirai"),
        ("sourire", "souris sourions souriais sourirai"),
        ("accueillir", "accueille accueillons accueillais accueillerai"),
        ("endormir", "endors endormons endormais endormirai"),
        ("poursuivre", "poursuis poursuivons poursuivais poursuivrai"),
        ("mourir", "meurs mourons mourais mourrai"),
        ("traduire", "traduis traduisons traduisais traduirai"),
        ("croire", "crois croyons croyais croirai"),
        ("effrayer", "effraie effrayons effrayais effraierai"),
    ],
)
def test_conjugate(infinitive: str, forms: str) -> None:
    first = [conjugate(infinitive, tense, 1, False) for tense in ("present", "imperfect", "future")]
    assert [first[0], conjugate(infinitive, "present", 1, True), *first[1:]] == forms.split()


@pytest.mark.parametrize(
    ("infinitive", "forms"),
    [("prendre", "pris prise pris prises"), ("offrir", "offert offerte offerts offertes"), ("lire", "lu lue lus lues")],
)
def test_participle(infinitive: str, forms: str) -> None:
    agreement = [(False, False), (True, False), (False, True), (True, True)]
    assert [participle(infinitive, feminine, plural) for feminine, plural in agreement] == forms.split()


def test_first_and_second_person_of_the_imperfect_lose_the_soft_letter() -> None:
    assert conjugate("manger", "imperfect", 1, True) == "mangions"
    assert conjugate("commencer", "imperfect", 2, True) == "commenciez"


@pytest.fixture(scope="module")
def corpus() -> dict[str, Pairs]:
    return generate(seed=1, train_pairs=30_000, dev_pairs=1000, test_pairs=1000, max_words=60)


def test_generate_gives_distinct_pairs_as_many_as_asked(corpus: dict[str, Pairs]) -> None:
    sources = [source for split in corpus.values() for source, _ in split]
    assert {split: len(pairs) for split, pairs in corpus.items()} == {"train": 30_000, "dev": 1000, "test": 1000}
    assert len(set(sources)) == 32_000


def test_generate_gives_the_same_bytes_for_the_same_seed() -> None:
    """Compare with stored digests, because a change of the grammar changes every result on the demo corpus."""
    corpus = generate(seed=7, train_pairs=500, dev_pairs=50, test_pairs=50, max_words=60)
    assert (
        hashlib.sha256(json.dumps(corpus, ensure_ascii=False).encode()).hexdigest()
        == "deb5cb3b9b8eca5043ba8ad8cf3d3507addc50ce4be211220b460503f87c8bd1"
    )
    assert generate(8, 100, 10, 10, 60) != generate(9, 100, 10, 10, 60)


def test_generate_keeps_to_the_length_that_is_asked_for() -> None:
    corpus = generate(seed=3, train_pairs=2000, dev_pairs=10, test_pairs=10, max_words=12)
    assert max(len(text.split(" ")) for pair in corpus["train"] for text in pair) == 12


def test_corpus_has_long_sentences_but_few(corpus: dict[str, Pairs]) -> None:
    lengths = sorted(len(source.split(" ")) for source, _ in corpus["train"])
    assert 6 <= lengths[15_000] <= 9
    assert lengths[29_000] < 30
    assert 55 <= lengths[-1] <= 60


def test_corpus_is_neither_trivial_nor_boundless(corpus: dict[str, Pairs]) -> None:
    tokens = {split: [(tokenize(s, "en"), tokenize(t, "fr")) for s, t in corpus[split]] for split in ("train", "test")}
    references = [target for _, target in corpus["test"]]
    difficulty = measure(tokens["train"], HeldOut(tokens["test"], references, lambda text: detokenize(text, "fr")))
    assert difficulty["test_share_with_new_4gram"] > 0.5
    assert difficulty["test_share_in_training"] == 0
    assert 10 < difficulty["dictionary_bleu"] < 30
    assert 1200 <= difficulty["source"]["types"] <= 2200
    assert 0 < difficulty["source"]["types_seen_once"] < 300  # so min_count 2 keeps most types, but not all


def test_text_survives_tokenization(corpus: dict[str, Pairs]) -> None:
    for pair in corpus["dev"]:
        for language, text in zip(("en", "fr"), pair, strict=True):
            assert detokenize(tokenize(text, language), language) == text


@pytest.mark.parametrize(
    ("holds", "share"),
    [
        (lambda source, _: source.endswith("?"), 0.05),
        (lambda _, target: " ne " in target or " n'" in target, 0.05),
        (lambda source, _: " by " in source, 0.04),
        (lambda source, _: ", " in source, 0.1),
        (lambda _, target: "parce qu" in target, 0.02),
        (lambda source, _: " who " in source or " that " in source, 0.04),
    ],
    ids=["question", "negation", "passive", "fronted or coordinated", "because", "that"],
)
def test_corpus_has_structures(holds: Callable[[str, str], bool], share: float, corpus: dict[str, Pairs]) -> None:
    assert sum(holds(*pair) for pair in corpus["train"]) > share * len(corpus["train"])


def test_probes_use_words_of_the_training_text(corpus: dict[str, Pairs]) -> None:
    vocabulary = {word for source, _ in corpus["train"] for word in tokenize(source, "en").split(" ")}
    lines = Path("probes/demo.tsv").read_text(encoding="utf-8").split("\n")
    sentences = [line.split("\t")[2] for line in lines[1:] if line]
    assert len(sentences) == 17
    assert {word for sentence in sentences for word in tokenize(sentence, "en").split(" ")} <= vocabulary
