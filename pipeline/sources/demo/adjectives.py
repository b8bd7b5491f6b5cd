"""The adjectives of the demo corpus, most frequent first."""

# An entry: English (with a short comparative after a colon), French (with an irregular feminine after a colon), kinds
# of nouns that it describes, and b if it precedes the French noun.
ADJECTIVES = """
    big:bigger grand AVCTOUBLWN b, small:smaller petit AFRVCTOUBLWNM b, old:older vieux:vieille PARVCTOUBWM b,
    young:younger jeune PA b, beautiful beau:belle PASMVCTBLN b, new:newer nouveau:nouvelle RSMVCT b,
    good:better bon:bonne FKDRSMEP b, red:redder rouge VCTOFU, tired fatigué P, happy:happier heureux PE,
    blue:bluer bleu VCTOU, black:blacker noir AVCTOU, white:whiter blanc:blanche AVCTOUB, green:greener vert VCTOUF,
    rich:richer riche P, famous célèbre PMSRW, sad:sadder triste PRSM, kind:kinder gentil:gentille P b,
    heavy:heavier lourd TO, expensive cher VCT, long:longer long:longue RSCE b, strange étrange PARSMB,
    pretty:prettier joli PCTLN b, cold:colder froid KD, hot:hotter chaud KD, interesting intéressant RSMP,
    intelligent intelligent PA, strong:stronger fort PA, brave:braver courageux PA, angry:angrier furieux:furieuse P,
    sick malade PA, dangerous dangereux PAVLT, poor:poorer pauvre P b, important important PRE,
    Italian italien VCPKDM, French français:française PVCRSDK, English anglais:anglaise PVCRS,
    quiet:quieter calme PALW, dirty:dirtier sale CTVUO, clean:cleaner propre CTVUO, yellow jaune VCTF,
    empty vide OTLW, serious sérieux PR, lazy:lazier paresseux PA, charming charmant P, polite poli P,
    honest honnête P, excellent excellent FKDRSM b, narrow:narrower étroit LBO, round:rounder rond TOU,
    curious curieux PA, fresh:fresher frais:fraîche FKD, delicious délicieux FKD, jealous jaloux:jalouse P,
    elegant élégant PCV, modern moderne VTBW, ancient ancien BMW, boring ennuyeux RSME, lonely:lonelier solitaire P,
    gray gris:grise AVCT, German allemand PVRS, Spanish espagnol PRSK, magnificent magnifique MBNLC, wild sauvage A,
    clever:cleverer habile P, cruel cruel P, proud:prouder fier PA, nervous nerveux PA, shy:shyer timide PA,
    ugly:uglier laid PACB, useful utile TR, rare rare RAFT, precious précieux TMC, deep:deeper profond LN,
    silent silencieux PLA, generous généreux P, mysterious mystérieux PRBN, fragile fragile TM, slow:slower lent VPA,
    fast:faster rapide VA, comfortable confortable UCVB, ridiculous ridicule PCR, worried inquiet:inquiète P,
    surprised surpris:surprise P, satisfied satisfait P, golden doré TCO, purple violet:violette CTV, loyal loyal PA,
    royal royal BMWE, innocent innocent P, guilty coupable P, pale:paler pâle P, stubborn têtu PA, greedy gourmand P,
    haunted hanté B, abandoned abandonné BWV, unique unique MT, splendid splendide MBCN
"""
