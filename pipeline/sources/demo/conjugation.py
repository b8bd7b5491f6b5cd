"""French conjugation: finite forms, participles and agreement."""

from functools import cache

from pipeline.sources.demo.lexicon import plural_in_french

# Infinitive: six forms of the present | past participle | stem of the future. Other verbs follow the longest matching
# ending (devenir: venir), but none follows être, avoir or aller.
IRREGULAR = {
    "être": "suis es est sommes êtes sont | été | ser",
    "avoir": "ai as a avons avez ont | eu | aur",
    "aller": "vais vas va allons allez vont | allé | ir",
    "faire": "fais fais fait faisons faites font | fait | fer",
    "dire": "dis dis dit disons dites disent | dit | dir",
    "lire": "lis lis lit lisons lisez lisent | lu | lir",
    "voir": "vois vois voit voyons voyez voient | vu | verr",
    "savoir": "sais sais sait savons savez savent | su | saur",
    "pouvoir": "peux peux peut pouvons pouvez peuvent | pu | pourr",
    "vouloir": "veux veux veut voulons voulez veulent | voulu | voudr",
    "devoir": "dois dois doit devons devez doivent | dû | devr",
    "pleuvoir": "pleus pleus pleut pleuvons pleuvez pleuvent | plu | pleuvr",
    "croire": "crois crois croit croyons croyez croient | cru | croir",
    "boire": "bois bois boit buvons buvez boivent | bu | boir",
    "rire": "ris ris rit rions riez rient | ri | rir",
    "crire": "cris cris crit crivons crivez crivent | crit | crir",
    "venir": "viens viens vient venons venez viennent | venu | viendr",
    "tenir": "tiens tiens tient tenons tenez tiennent | tenu | tiendr",
    "prendre": "prends prends prend prenons prenez prennent | pris | prendr",
    "mettre": "mets mets met mettons mettez mettent | mis | mettr",
    "battre": "bats bats bat battons battez battent | battu | battr",
    "connaître": "connais connais connaît connaissons connaissez connaissent | connu | connaîtr",
    "paraître": "parais parais paraît paraissons paraissez paraissent | paru | paraîtr",
    "uire": "uis uis uit uisons uisez uisent | uit | uir",
    "indre": "ins ins int ignons ignez ignent | int | indr",
    "suivre": "suis suis suit suivons suivez suivent | suivi | suivr",
    "courir": "cours cours court courons courez courent | couru | courr",
    "mourir": "meurs meurs meurt mourons mourez meurent | mort | mourr",
    "dormir": "dors dors dort dormons dormez dorment | dormi | dormir",
    "partir": "pars pars part partons partez partent | parti | partir",
    "sortir": "sors sors sort sortons sortez sortent | sorti | sortir",
    "mentir": "mens mens ment mentons mentez mentent | menti | mentir",
    "ouvrir": "ouvre ouvres ouvre ouvrons ouvrez ouvrent | ouvert | ouvrir",
    "ffrir": "ffre ffres ffre ffrons ffrez ffrent | ffert | ffrir",
    "cueillir": "cueille cueilles cueille cueillons cueillez cueillent | cueilli | cueiller",
    "coudre": "couds couds coud cousons cousez cousent | cousu | coudr",
    "poursuivre": "poursuis poursuis poursuit poursuivons poursuivez poursuivent | poursuivi | poursuivr",
}
ALONE = ("être", "avoir", "aller")
REGULAR = {
    "er": "e es e ons ez ent | é | er",
    "ir": "is is it issons issez issent | i | ir",
    "re": "s s  ons ez ent | u | r",
}
IMPERFECT = ["ais", "ais", "ait", "ions", "iez", "aient"]
FUTURE = ["ai", "as", "a", "ons", "ez", "ont"]


@cache
def paradigm(infinitive: str) -> tuple[tuple[str, ...], str, str]:
    """Return six forms of the present, the past participle, and the stem of the future."""
    endings = [end for end in IRREGULAR if infinitive == end or (infinitive.endswith(end) and end not in ALONE)]
    ending = max(endings, key=len, default=infinitive[-2:])
    stem = infinitive.removesuffix(ending)
    table = IRREGULAR.get(ending) or REGULAR[ending]
    present, participle, future = (part.removeprefix(" ").removesuffix(" ") for part in table.split("|"))
    forms = tuple(stem + form for form in present.split(" "))
    if ending == "er":
        return respell(stem), stem + participle, future_stem(stem)
    return forms, stem + participle, stem + future


def respell(stem: str) -> tuple[str, ...]:
    """Return the present of verbs in -er, whose stem changes before a silent e, and before a and o."""
    silent = silent_stem(stem)
    soft = {"g": stem + "e", "c": stem[:-1] + "ç"}.get(stem[-1], stem)
    return (silent + "e", silent + "es", silent + "e", soft + "ons", stem + "ez", silent + "ent")


def silent_stem(stem: str) -> str:
    """Return the stem before a silent e: achète, préfère, appelle, nettoie."""
    if stem.endswith("y"):
        return stem[:-1] + "i"
    if stem.endswith(("appel", "jet")):
        return stem + stem[-1]
    vowel, rest = split_at_last_vowel(stem)
    return vowel[:-1] + "è" + rest if vowel.endswith(("é", "e")) and len(rest) == 1 else stem


def split_at_last_vowel(stem: str) -> tuple[str, str]:
    """Return the stem up to its last vowel, and the consonants after it."""
    end = len(stem)
    while end and stem[end - 1] not in "aeiouyéèêâîôûœ":
        end -= 1
    return stem[:end], stem[end:]


def future_stem(stem: str) -> str:
    """Return the stem of the future of verbs in -er: achèter-, nettoier-, but préférer-."""
    if stem == "envoy":
        return "enverr"
    before, rest = split_at_last_vowel(stem)
    return (stem if before.endswith("é") and rest else silent_stem(stem)) + "er"


def conjugate(infinitive: str, tense: str, person: int, plural: bool) -> str:
    """Return a finite form in the present, imperfect, future or conditional."""
    present, _, future = paradigm(infinitive)
    place = person - 1 + 3 * plural
    if tense == "present":
        return present[place]
    if tense == "imperfect":
        return imperfect_stem(infinitive, place) + IMPERFECT[place]
    return future + (FUTURE if tense == "future" else IMPERFECT)[place]


def imperfect_stem(infinitive: str, place: int) -> str:
    """Return the first person plural of the present without -ons, with ge and ç only before a."""
    if infinitive == "être":
        return "ét"
    stem = paradigm(infinitive)[0][3].removesuffix("ons")
    if place in (3, 4) and infinitive.endswith(("ger", "cer")):
        return infinitive[:-2]
    return stem


def participle(infinitive: str, feminine: bool = False, plural: bool = False) -> str:
    """Return the past participle in agreement."""
    form = paradigm(infinitive)[1] + "e" * feminine
    return plural_in_french(form) if plural else form
