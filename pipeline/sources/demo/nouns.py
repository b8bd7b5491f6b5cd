"""The nouns and names of the demo corpus by kind, most frequent first."""

# An entry: gender, English (irregular plural after a colon), French (likewise). An underscore is a space.
# Verbs and adjectives name kinds by their letters.
NOUNS = {
    # people
    "P": """
        f woman:women femme, m child:children enfant, m teacher professeur, m man:men homme, f girl fille,
        f nurse infirmière, m friend ami, m doctor médecin, f actress actrice, m student étudiant, f mother mère,
        m boy garçon, m neighbor voisin, f sister sœur, m king roi, m father père, m brother frère, f queen reine,
        m artist artiste, m farmer fermier, m soldier soldat, m baker boulanger, f singer chanteuse, m lawyer avocat,
        m writer écrivain, m policeman:policemen policier, f grandmother grand-mère:grands-mères, m uncle oncle,
        f aunt tante, m prince prince, f princess princesse, m gardener jardinier, f waitress serveuse,
        m cook cuisinier, m engineer ingénieur, m driver conducteur, m grandfather grand-père:grands-pères,
        m painter peintre, m thief:thieves voleur, m judge juge, f daughter fille, m son fils,
        m fisherman:fishermen pêcheur, f dancer danseuse, m guest invité, m mayor maire, m sailor marin,
        f secretary secrétaire, m musician musicien, m butcher boucher, m hunter chasseur, m hero:heroes héros,
        m pilot pilote, f witch sorcière, m priest prêtre, m tourist touriste, m poet poète, m journalist journaliste,
        f librarian bibliothécaire, m dentist dentiste, m merchant marchand, m shepherd berger,
        f hairdresser coiffeuse, m minister ministre, m carpenter menuisier, m knight chevalier,
        m postman:postmen facteur, m magician magicien, m plumber plombier, m spy espion, f widow veuve,
        m orphan orphelin, m apprentice apprenti, m clown clown, m tailor tailleur, f countess comtesse,
        f heiress héritière, m beggar mendiant, m sculptor sculpteur, m monk moine, f nun religieuse,
        m blacksmith forgeron, m miller meunier, f fairy fée, m watchmaker horloger, m bookseller libraire,
        f seamstress couturière, m astronomer astronome, m ambassador ambassadeur, m juggler jongleur,
        f goddess déesse, m cobbler cordonnier""",
    # animals
    "A": """
        m dog chien, m cat chat, m horse cheval, m bird oiseau, m rabbit lapin, f mouse:mice souris, f cow vache,
        m lion lion, m wolf:wolves loup, f hen poule, m fox renard, m bear ours, m lamb agneau, f goat chèvre,
        m pig cochon, m duck canard, m elephant éléphant, m monkey singe, m tiger tigre, m donkey âne,
        f turtle tortue, f bee abeille, f spider araignée, m owl hibou:hiboux, m snake serpent, m squirrel écureuil,
        m swan cygne, f frog grenouille, m parrot perroquet, m crow corbeau, m rat rat, f giraffe girafe,
        m camel chameau, m hedgehog hérisson, f ant fourmi, f goose:geese oie, m eagle aigle, f whale baleine,
        m shark requin, m crocodile crocodile, m turkey dindon, f ladybird coccinelle, f otter loutre,
        f gazelle gazelle, m zebra zèbre, m penguin manchot, m falcon faucon, f marmot marmotte""",
    # countable food
    "F": """
        f apple pomme, m cake gâteau, m egg œuf, f orange orange, m sandwich sandwich, f pear poire,
        f tomato:tomatoes tomate, f potato:potatoes pomme_de_terre:pommes_de_terre, f cherry cerise, f banana banane,
        m lemon citron, f carrot carotte, m mushroom champignon, f peach pêche, f strawberry fraise,
        f omelette omelette, f nut noix, m melon melon, f tart tarte, m biscuit biscuit, m onion oignon,
        m apricot abricot, f pancake crêpe, m grape raisin, m pineapple ananas, f raspberry framboise, m leek poireau,
        m bean haricot, f plum prune, m chestnut marron, f olive olive, m artichoke artichaut""",
    # uncountable food
    "K": """
        m bread pain, m cheese fromage, f soup soupe, f meat viande, m rice riz, m butter beurre,
        m chocolate chocolat, f jam confiture, m honey miel, m sugar sucre, m fish poisson, m ham jambon,
        f salad salade, m garlic ail, f flour farine, m pepper poivre, f mustard moutarde, m beef bœuf""",
    # drinks
    "D": """
        f water eau, m coffee café, m tea thé, m milk lait, m wine vin, f beer bière, m juice jus, m cider cidre,
        f lemonade limonade, m champagne champagne""",
    # texts
    "R": """
        f letter lettre, m book livre, m newspaper journal, m poem poème, f story histoire, m novel roman,
        m message message, m article article, m report rapport, f magazine revue, m text texte,
        f postcard carte_postale:cartes_postales, m contract contrat, m diary journal_intime:journaux_intimes,
        f recipe recette, m dictionary dictionnaire, m speech discours, f biography biographie, f fable fable,
        m manuscript manuscrit, m tale conte, m telegram télégramme, f prophecy prophétie""",
    # music
    "S": """
        f song chanson, f melody mélodie, f radio radio, m concert concert, f symphony symphonie, m opera opéra,
        m hymn hymne, f lullaby berceuse""",
    # works of art
    "M": """
        f photo photo, m film film, m painting tableau, m show spectacle, m drawing dessin, f statue statue,
        m portrait portrait, m mirror miroir, f fresco:frescoes fresque, f sculpture sculpture""",
    # vehicles
    "V": """
        f car voiture, m train train, f bicycle bicyclette, m boat bateau, m truck camion, m plane avion, m bus bus,
        f motorcycle moto, m taxi taxi, m tractor tracteur, f ambulance ambulance, m ship navire, f carriage calèche,
        m helicopter hélicoptère, m sled traîneau, m submarine sous-marin:sous-marins""",
    # clothes
    "C": """
        f dress robe, m hat chapeau, m coat manteau, f shirt chemise, f shoe chaussure, f skirt jupe, m sweater pull,
        f jacket veste, m scarf:scarves foulard, f tie cravate, m glove gant, f boot botte, f belt ceinture,
        m suit costume, f crown couronne, f sandal sandale, f cloak cape, m raincoat imperméable, m beret béret,
        m handkerchief mouchoir""",
    # tools and small things
    "T": """
        f key clé, m toy jouet, f ball balle, m knife:knives couteau, f chair chaise, f watch montre, f lamp lampe,
        m phone téléphone, m umbrella parapluie, m glass verre, f plate assiette, m pen stylo, m computer ordinateur,
        f cup tasse, f flower fleur, m piano piano, f guitar guitare, m ring anneau, f candle bougie,
        f spoon cuillère, f fork fourchette, m hammer marteau, m basket panier, f doll poupée, f sword épée,
        f clock horloge, m violin violon, f ladder échelle, m pencil crayon, f needle aiguille, f axe hache,
        m ticket billet, m vase vase, f rope corde, m shield bouclier, f trumpet trompette, m bucket seau,
        f camera caméra, f compass boussole, f lantern lanterne, m broom balai, f pan casserole, f flute flûte,
        m brush pinceau, m fan éventail, m telescope télescope, f harp harpe, f coin pièce, f shovel pelle,
        m hourglass sablier, m thimble dé""",
    # things that open and close
    "O": """
        f door porte, f window fenêtre, f box boîte, m bag sac, f suitcase valise, f bottle bouteille,
        m drawer tiroir, f envelope enveloppe, m gate portail, m safe coffre, f cage cage, m barrel tonneau,
        m curtain rideau, f wardrobe armoire""",
    # things with a surface
    "U": """
        f table table, m bed lit, m sofa canapé, m roof toit, m desk bureau, f shelf:shelves étagère, m carpet tapis,
        m bench banc, m armchair fauteuil, m staircase escalier, m stove poêle, m counter comptoir, m balcony balcon""",
    # buildings
    "B": """
        f house maison, m castle château, m bridge pont, f tower tour, m palace palais, f factory usine, m wall mur,
        f cathedral cathédrale, f hut cabane, f prison prison, m mill moulin, m temple temple, m lighthouse phare,
        f villa villa, f fortress forteresse, f barn grange, f chapel chapelle""",
    # places with `in`
    "L": """
        m garden jardin, f kitchen cuisine, f street rue, m park parc, f room chambre, f city ville, f forest forêt,
        m village village, m living_room salon, f courtyard cour, m field champ,
        f bathroom salle_de_bains:salles_de_bains, f cellar cave, m corridor couloir, f valley vallée,
        m attic grenier, f region région, m desert désert, f cave grotte""",
    # places with `at` and `to`
    "W": """
        f school école, m market marché, f station gare, m restaurant restaurant, m hospital hôpital, f beach plage,
        m office bureau, m museum musée, f library bibliothèque, f church église, m theater théâtre, f bank banque,
        m airport aéroport, m cinema cinéma, f farm ferme, m hotel hôtel, f bakery boulangerie,
        f university université, f pharmacy pharmacie, m zoo zoo, m harbor port, m stadium stade, f post_office poste,
        f town_hall mairie, f embassy ambassade, m casino casino""",
    # nature
    "N": """
        m tree arbre, f mountain montagne, f river rivière, f rose rose, m lake lac, f hill colline, f sea mer,
        f island île, f star étoile, f moon lune, m volcano:volcanoes volcan, m oak chêne, f waterfall cascade,
        m cloud nuage, f tulip tulipe, m glacier glacier, f cliff falaise, m poplar peuplier, f orchid orchidée,
        m cypress cyprès""",
    # events
    "E": """
        f party fête, f meeting réunion, m meal repas, m dinner dîner, m wedding mariage, f lesson leçon,
        m match match, f ceremony cérémonie, m trip voyage, f exhibition exposition,
        m picnic pique-nique:pique-niques, m banquet banquet, f rehearsal répétition, m coronation couronnement""",
}

WOMEN = """
    Marie Sophie Julie Anne Claire Louise Alice Emma Camille Lucie Jeanne Hélène Isabelle Nathalie Charlotte Catherine
    Pauline Élise Manon Céline Juliette Agathe Mathilde Adèle Florence Simone Odette Amélie Brigitte Colette Margot
    Irène Valérie Sylvie Estelle Blanche Noémie Ophélie Thérèse Zoé Solange Ursule Clémence Garance Apolline Héloïse
    Léonie Violette Sabine Rosalie Capucine
"""
MEN = """
    Paul Pierre Thomas Jean Louis Antoine Nicolas Henri Marc Julien Luc Victor Hugo Michel André Jacques Alain
    Philippe Olivier Étienne Simon David Gabriel Arthur Charles Émile Gilles Laurent Denis Bernard Maurice René Roger
    Yves Fabien Rémi Serge Bastien Cyril Damien Edgar Félix Gustave Ignace Jules Léon Marcel Norbert Octave Prosper
    Quentin Raoul Sylvain Théo Urbain Xavier
"""
# Family names are combined of two parts, so that most occur once: a vocabulary with min_count 2 lacks them.
FAMILY_STARTS = "Bel Mar Dur Val Ron Gar Mor Cor"
FAMILY_ENDS = "tin and ier eau ard ois et mont"

# English, and French after a colon where it differs.
CITIES = """
    Paris London:Londres Lyon Rome Berlin Madrid Brussels:Bruxelles Geneva:Genève Marseille Vienna:Vienne
    Lisbon:Lisbonne Athens:Athènes Bordeaux Moscow:Moscou Nice Dublin Venice:Venise Lille Toulouse Naples Strasbourg
    Warsaw:Varsovie Prague Oslo Dijon Seville:Séville Montreal:Montréal Florence Edinburgh:Édimbourg Hamburg:Hambourg
    Avignon Tunis Antwerp:Anvers Reims Genoa:Gênes Tokyo Dakar
"""
