"""The verbs of the demo corpus by the objects that they take, most frequent first."""

# An entry: English (base, or base/past/participle if irregular, and a particle), French (with se if reflexive),
# kinds of subjects, kinds of objects, and marks: s for a state (its past is the imparfait, and it has no progressive),
# e for the auxiliary être, n for no passive, p for no progressive, t for no clitic
# (penser à lui).
TRANSITIVE = """
    see/saw/seen | voir | PA | PAVN | p
    love | aimer | P | PAFMR | s
    read/read/read | lire | P | R
    eat/ate/eaten | manger | PA | FK
    buy/bought/bought | acheter | P | FCRVTK
    admire | admirer | P | PMB | s
    write/wrote/written | écrire | P | R
    look for | chercher | P | TACR | n
    find/found/found | trouver | P | TACR | p
    watch | regarder | P | MA
    help | aider | P | P
    drink/drank/drunk | boire | P | D
    take/took/taken | prendre | P | TRCF
    have/had/had | avoir | P | VACTB | sn
    know/knew/known | connaître | P | P | sn
    open | ouvrir | P | O
    sell/sold/sold | vendre | P | VTFB
    wait for | attendre | P | PV | n
    call | appeler | P | P
    wear/wore/worn | porter | P | C
    meet/met/met | rencontrer | P | P
    close | fermer | P | O
    wash | laver | P | VCA
    listen to | écouter | P | SP | n
    break/broke/broken | casser | P | T
    lose/lost/lost | perdre | P | TCR | p
    follow | suivre | PA | PAV
    sing/sang/sung | chanter | P | S
    visit | visiter | P | BW
    hate | détester | P | PFA | sn
    draw/drew/drawn | dessiner | P | NAP
    finish | finir | P | R
    choose/chose/chosen | choisir | P | CTR
    drive/drove/driven | conduire | P | V
    hide/hid/hidden | cacher | P | TR
    prepare | préparer | P | EK
    build/built/built | construire | P | B
    invite | inviter | P | P
    protect | protéger | P | PAN
    repair | réparer | P | VT
    thank | remercier | P | P
    respect | respecter | P | P | s
    paint | peindre | P | NB
    carry | porter | P | TO
    forget/forgot/forgotten | oublier | P | TRP | p
    clean | nettoyer | P | VTU
    chase | poursuivre | PA | PA
    cut/cut/cut | couper | P | FK
    throw/threw/thrown | jeter | P | T
    kiss | embrasser | P | P
    push | pousser | P | VPO
    understand/understood/understood | comprendre | P | PR | p
    save | sauver | P | PA
    bite/bit/bitten | mordre | A | PA
    catch/caught/caught | attraper | PA | A
    steal/stole/stolen | voler | P | TVC
    feed/fed/fed | nourrir | P | A
    greet | saluer | P | P
    fear | craindre | P | PAE | s
    arrest | arrêter | P | P
    translate | traduire | P | R
    recognize | reconnaître | P | PB | p
    celebrate | fêter | P | E | n
    describe | décrire | P | NBP
    discover | découvrir | P | NBL
    burn | brûler | P | RT
    cross | traverser | PA | L
    frighten | effrayer | A | PA
    organize | organiser | P | E
    taste | goûter | P | FK
    leave/left/left | quitter | P | W
    destroy | détruire | P | BV
    order | commander | P | FK
    betray | trahir | P | P
    touch | toucher | P | TAU
    sew/sewed/sewn | coudre | P | C
    decorate | décorer | P | BU
    obtain | obtenir | P | RT
    defeat/defeated/defeated | battre | P | P
    devour | dévorer | A | AK
    surprise | surprendre | P | P
    punish | punir | P | P
    rent | louer | P | BV
    pick | cueillir | P | F
    heal | guérir | P | PA
    welcome | accueillir | P | P
    count | compter | P | FTA
    borrow | emprunter | P | RVT
    hang/hung/hung | accrocher | P | CM
    scold | gronder | P | P
    tame | dompter | P | A
"""
INTRANSITIVE = """
    sleep/slept/slept | dormir | PA
    arrive | arriver | P | | e
    work | travailler | P
    leave/left/left | partir | P | | e
    sing/sang/sung | chanter | P
    come/came/come | venir | P | | e
    run/ran/run | courir | PA
    laugh | rire | P
    cry | pleurer | P
    play | jouer | PA
    smile | sourire | P
    dance | danser | P
    fall/fell/fallen | tomber | PA | | e
    come/came/come back | revenir | P | | e
    go/went/gone out | sortir | P | | e
    travel | voyager | P
    eat/ate/eaten | manger | PA
    swim/swam/swum | nager | PA
    die | mourir | PA | | e
    speak/spoke/spoken | parler | P
    wait | attendre | P
    shout | crier | P
    jump | sauter | PA
    study | étudier | P
    hesitate | hésiter | P
    disappear | disparaître | PA
    lie | mentir | P
    snore | ronfler | P
    tremble | trembler | PA
    cough | tousser | P
    whistle | siffler | P
    sneeze | éternuer | P
    yawn | bâiller | PA
    stumble | trébucher | P
    wander | errer | PA
    get/got/got up | se lever | P
    wake/woke/woken up | se réveiller | PA
    rest | se reposer | PA
    have/had/had fun | s'amuser | P
    go/went/gone to bed | se coucher | P
    complain | se plaindre | P
    fall/fell/fallen asleep | s'endormir | PA
    hurry | se dépêcher | P
    get/got/got dressed | s'habiller | P
    stop | s'arrêter | PA
    get/got/got angry | se fâcher | P
    faint | s'évanouir | P
"""
MOTION = """
    go/went/gone | aller | P | | e
    return | retourner | P | | e
    run/ran/run | courir | P
    rush | se précipiter | P
"""
# In French, the object of these verbs has a preposition: mark a for à, mark d for de.
OBLIQUE = """
    talk to | parler | P | P | an
    answer | répondre | P | P | an
    think/thought/thought of | penser | P | PE | atn
    obey | obéir | P | P | an
    phone | téléphoner | P | P | an
    talk about | parler | P | PRE | dn
    smile at | sourire | P | P | an
    dream of | rêver | P | NEB | dn
    lie to | mentir | P | P | an
    make/made/made fun of | se moquer | P | P | dn
    forgive/forgave/forgiven | pardonner | P | P | an
    remember | se souvenir | P | PE | dn
    take/took/taken care of | s'occuper | P | PA | dn
    resemble | ressembler | P | P | asn
    distrust | se méfier | P | PA | dsn
"""
DITRANSITIVE = """
    give/gave/given | donner | P | RTFC
    show/showed/shown | montrer | P | MTRC
    send/sent/sent | envoyer | P | R
    sell/sold/sold | vendre | P | VTB
    lend/lent/lent | prêter | P | TVR
    offer | offrir | P | TCF
    bring/brought/brought | apporter | P | KDT
    introduce | présenter | P | P
    read/read/read | lire | P | R
    explain | expliquer | P | R
    promise | promettre | P | TV
    return | rendre | P | RT
    write/wrote/written | écrire | P | R
    hand | tendre | P | TO
    dictate | dicter | P | R
    entrust | confier | P | TA
"""
# These verbs take an infinitive; the field of objects has the French word before it.
CONTROL = """
    want to | vouloir | P | | s
    try to | essayer | P | de
    begin/began/begun to | commencer | P | à
    hope to | espérer | P | | s
    decide to | décider | P | de
    refuse to | refuser | P | de
    forget/forgot/forgotten to | oublier | P | de
    learn to | apprendre | P | à
    prefer to | préférer | P | | s
    continue to | continuer | P | à
    manage to | réussir | P | à
    promise to | promettre | P | de
"""
# These verbs take a clause with "that".
CLAUSAL = """
    say/said/said | dire | P
    think/thought/thought | penser | P | | s
    know/knew/known | savoir | P | | s
    believe | croire | P | | s
    hope | espérer | P | | s
    see/saw/seen | voir | P | | p
    explain | expliquer | P
    announce | annoncer | P
    forget/forgot/forgotten | oublier | P
    repeat | répéter | P
    learn | apprendre | P
    imagine | imaginer | P | | s
"""
LINKING = """
    be/was/been | être | P | | s
    seem | sembler | P | | s
    become/became/become | devenir | P | | e
    remain | rester | P | | e
"""
WEATHER = """
    rain | pleuvoir | N
    snow | neiger | N
"""
