"""The check for lines in another language than expected, on sentences of several languages."""

import gzip

import pytest

from s2s.corpus.languages import SHORTEST_BYTES, other_language
from tests.s2s.text.test_moses import MULTI30K

# The same sentences in six languages.
SENTENCES = {
    "en": [
        "The committee decided to continue the negotiations during the coming year.",
        "Last night we spoke for a long time about the new rules of the game.",
        "All prices include value added tax and exclude delivery.",
    ],
    "fr": [
        "Le comité a décidé de poursuivre les négociations au cours de l'année à venir.",
        "Hier soir, nous avons parlé longtemps des nouvelles règles du jeu.",
        "Tous les prix s'entendent taxe comprise, hors frais de livraison.",
    ],
    "de": [
        "Der Ausschuss hat beschlossen, die Verhandlungen im nächsten Jahr fortzusetzen.",
        "Gestern Abend haben wir lange über die neuen Regeln des Spiels gesprochen.",
        "Alle Preise verstehen sich inklusive Mehrwertsteuer und zuzüglich Versandkosten.",
    ],
    "es": [
        "El comité decidió continuar las negociaciones durante el próximo año.",
        "Anoche hablamos mucho tiempo sobre las nuevas reglas del juego.",
        "Todos los precios incluyen el impuesto sobre el valor añadido.",
    ],
    "it": [
        "Il comitato ha deciso di proseguire i negoziati nel corso del prossimo anno.",
        "Ieri sera abbiamo parlato a lungo delle nuove regole del gioco.",
        "Tutti i prezzi sono comprensivi dell'imposta sul valore aggiunto.",
    ],
    "nl": [
        "Het comité heeft besloten de onderhandelingen volgend jaar voort te zetten.",
        "Gisteravond hebben we lang over de nieuwe regels van het spel gesproken.",
        "Alle prijzen zijn inclusief btw en exclusief verzendkosten.",
    ],
}
CASES = [(written, sentence) for written, sentences in SENTENCES.items() for sentence in sentences]


@pytest.mark.parametrize("language", ["en", "fr", "de"])
@pytest.mark.parametrize(("written", "sentence"), CASES)
def test_a_sentence_is_told_from_those_of_other_languages(written: str, sentence: str, language: str) -> None:
    assert other_language(sentence, language) == (written != language)


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("", "en"),
        ("Das ist kein Englisch, aber kurz.", "en"),
        ("Mr. Schulz, Mrs Berès, Mr Poettering and Commissioner Frattini.", "en"),
        ("Hotel Villa Rosa, Via Garibaldi 12, Firenze, Italy - book online", "en"),
        ("Nikon Coolpix L20 digital camera 10.0 megapixel deep red", "en"),
        ("A/RES/55/2 (2000), 12.04.1999, 0345/98 - C4-0102/99 - 97/0359(COD)", "fr"),
        ("M. Schulz, Mme Berès, M. Poettering et le commissaire Frattini.", "fr"),
        ("Er zitierte: Tous les hommes naissent et demeurent libres.", "fr"),  # partly in the expected language
        ("Habari gani, rafiki yangu? Leo tunakwenda sokoni pamoja.", "xx"),
    ],
)
def test_a_line_is_kept_in_doubt(line: str, language: str) -> None:
    assert not other_language(line, language)


def test_a_line_of_any_length_is_judged_by_its_start() -> None:
    assert other_language(SENTENCES["de"][0] * 1000, "en")


@pytest.mark.skipif(not MULTI30K.is_dir(), reason="needs a folder with the files of Multi30k; S2S_MULTI30K names it")
@pytest.mark.parametrize(("language", "foreign"), [("en", "fr"), ("fr", "en")])
def test_no_real_caption_is_lost_and_hardly_a_foreign_one_kept(language: str, foreign: str) -> None:
    lines = gzip.decompress((MULTI30K / f"val.{language}.gz").read_bytes()).decode().splitlines()
    long = [line for line in lines if len(line.encode()) >= SHORTEST_BYTES]
    assert not any(other_language(line, language) for line in lines)
    assert sum(other_language(line, foreign) for line in long) > 0.99 * len(long)
