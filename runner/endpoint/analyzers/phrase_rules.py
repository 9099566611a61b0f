"""Key phrases without a tagger: determiners, prepositions and endings of de, es, fr, it, pt.

Owns the small words of those languages. A phrase opens with a determiner or a capital, takes the noun and the
adjectives that look like one by their ending, and goes on over "of" to the next noun; German is easier,
because its nouns have capitals. Misses bare nouns, on purpose: without a tagger a bare word may be a verb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.endpoint.analyzers.tokens import Token, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_ELISION = len("nell'")


def phrases(text: str, language: str | None) -> Iterator[tuple[int, int, float]]:
    """Yield (begin, end, score) of each phrase in order; nothing for a language without rules."""
    small = _SMALL_WORDS.get(language or "")
    if small is None:
        return
    for sentence in sentences(text):
        if language == "de":
            yield from _german(sentence, small)
        else:
            yield from _romance(list(_unelided(sentence)), small)


class _SmallWords:
    """The closed classes of one language, lower case."""

    def __init__(self, determiners: str, links: str, adjectives: str, endings: str, stops: str) -> None:
        self.determiners = frozenset(determiners.split())
        self.links = frozenset(links.split())
        self.adjectives = frozenset(adjectives.split())
        self.endings = tuple(endings.split())
        self.stops = frozenset(stops.split()) | self.determiners | self.links


def _unelided(sentence: Sequence[Token]) -> Iterator[Token]:
    """Part "l'eau" and "dell'acqua" into two words."""
    for token in sentence:
        at = max(token.word.find("'"), token.word.find("’")) + 1
        if 1 < at <= _LONGEST_ELISION and at < len(token.word):
            yield Token(token.word[:at], token.begin, token.begin + at)
            yield Token(token.word[at:], token.begin + at, token.end)
        else:
            yield token


def _is_word(token: Token) -> bool:
    return token.word[0].isalnum()


def _romance(sentence: Sequence[Token], small: _SmallWords) -> Iterator[tuple[int, int, float]]:
    i, count = 0, len(sentence)
    while i < count:
        start = i
        while i < count and i - start < 3 and sentence[i].word.lower() in small.determiners:
            i += 1
        led = i > start
        end = _noun_group(sentence, i, small, led=led)
        if end == i:
            i = max(i, start + 1)
            continue
        while (after := _linked(sentence, end, small)) > end:
            end = after
        yield sentence[start].begin, sentence[end - 1].end, 0.95 if led else 0.9
        i = end


def _noun_group(sentence: Sequence[Token], i: int, small: _SmallWords, *, led: bool) -> int:
    """Where the noun and its adjectives that begin at token `i` end; `i` itself if there is none."""
    begin = i
    while i < len(sentence) and sentence[i].word.lower() in small.adjectives:
        i += 1
    if i == len(sentence) or not _is_word(sentence[i]) or sentence[i].word.lower() in small.stops:
        return i if led and i > begin else begin
    if not (led or (sentence[i].word[0].isupper() and i > 0) or i > begin):
        return begin
    i += 1
    while i < len(sentence) and _is_word(sentence[i]):
        word = sentence[i].word
        lower = word.lower()
        like = lower in small.adjectives or (lower.endswith(small.endings) and lower not in small.stops)
        named = word[0].isupper() and sentence[i - 1].word[0].isupper() and lower not in small.stops
        if not (like or named):
            break
        i += 1
    return i


def _linked(sentence: Sequence[Token], end: int, small: _SmallWords) -> int:
    """Where "of the noun" after a group ends; `end` itself if none follows."""
    if end >= len(sentence) or sentence[end].word.lower() not in small.links:
        return end
    i = end + 1
    while i < len(sentence) and sentence[i].word.lower() in small.determiners:
        i += 1
    after = _noun_group(sentence, i, small, led=True)
    return after if after > i else end


def _german(sentence: Sequence[Token], small: _SmallWords) -> Iterator[tuple[int, int, float]]:
    i, count = 0, len(sentence)
    while i < count:
        start = i
        while i < count and i - start < 2 and sentence[i].word.lower() in small.determiners:
            i += 1
        while i < count and i - start < 6 and _german_adjective(sentence[i].word, small):
            i += 1
        nouns = i
        while i < count and _german_noun(sentence, i, small):
            i += 1
        if i > nouns:
            yield sentence[start].begin, sentence[i - 1].end, 0.95 if nouns > start else 0.9
        else:
            i = start + 1


def _german_adjective(word: str, small: _SmallWords) -> bool:
    if word in small.adjectives or (word[0].isdigit() and word.isalnum()):
        return True
    return word[0].islower() and len(word) > 3 and word.endswith(small.endings) and word not in small.stops


def _german_noun(sentence: Sequence[Token], i: int, small: _SmallWords) -> bool:
    word = sentence[i].word
    if not word[0].isupper() or word.lower() in small.stops:
        return False
    # The first word of a sentence has a capital whatever it is; a noun there usually has an ending of nouns.
    return i > 0 or word.endswith(("ung", "heit", "keit", "schaft", "ion", "tät", "er", "en", "e"))


_SMALL_WORDS = {
    "de": _SmallWords(
        determiners="der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner mein "
        "meine meinen meinem meiner dein deine deinen sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer "
        "unser unsere unseren unserem unserer dieser diese dieses diesen diesem jeder jede jedes jeden jedem alle "
        "allen aller viele vielen einige einigen mehrere manche welche solche beide beiden",
        links="von vom",
        adjectives="zwei drei vier fünf sechs sieben acht neun zehn elf zwölf gut groß neu alt",
        endings="e en er es em",
        stops="und oder aber denn weil dass wenn als wie wo was wer wir ich du er sie es ihr man mich dich sich uns "
        "euch ihm ihn ihnen nicht auch nur noch schon sehr so dann da hier dort jetzt heute morgen gestern immer nie "
        "in im an am auf aus bei beim mit nach seit zu zum zur vor hinter über unter neben zwischen durch für gegen "
        "ohne um bis während wegen trotz ist sind war waren wird werden wurde wurden hat haben hatte hatten kann "
        "können konnte konnten muss müssen musste soll sollen sollte will wollen wollte darf dürfen mag möchte "
        "möchten bin bist seid habe hast habt werde machen macht gehen geht kommen kommt sagen sagte gibt geben "
        "lassen lässt stehen steht sehen sieht ja nein doch mal ganz etwas nichts alles mehr wieder bereits immer "
        "dieselbe warum wann ob damit dafür davon dabei darin daran darauf deshalb jedoch außerdem leider bitte "
        "danke hallo unter unten oben gerne lieber weiter selber selbst einander",
    ),
    "es": _SmallWords(
        determiners="el la los las un una unos unas mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta "
        "estos estas ese esa esos esas aquel aquella aquellos aquellas todo toda todos todas cada otro otra otros "
        "otras algún alguna algunos algunas ningún ninguna varios varias muchos muchas pocos pocas",
        links="de del",
        adjectives="gran grande grandes nuevo nueva nuevos nuevas buen buena bueno buenos buenas mal mala malo malos "
        "primer primera primero último última últimos últimas mejor mejores peor mayor menor pequeño pequeña "
        "pequeños pequeñas viejo vieja joven largo larga alto alta bajo baja libre libres dos tres cuatro cinco seis "
        "siete ocho nueve diez mismo misma mismos mismas próximo próxima anterior total",
        endings="al ales oso osa osos osas ico ica icos icas ivo iva ivos ivas able ables ible ibles ente entes ante "
        "antes ano ana anos anas ino ina ario aria arios arias ado ada ados adas ido ida idos idas español española",
        stops="y e o u pero que qué quien cuando como cómo donde dónde si no sí muy más menos ya también tampoco "
        "a al en con sin por para sobre entre hasta desde hacia según durante ante contra se me te le les lo nos os "
        "yo tú él ella ellos ellas usted ustedes nosotros es son era eran fue fueron ser está están estaba estar "
        "he ha han había hay tiene tienen tenía tener hace hacen hizo hacer puede pueden podía va van ir dice dijo "
        "porque aunque mientras entonces así aquí allí ahora hoy ayer mañana siempre nunca solo sólo casi bien "
        "adelante delante durante antes después nada algo alguien nadie",
    ),
    "fr": _SmallWords(
        determiners="le la les l' l’ d'un d'une un une des du au aux mon ma mes ton ta tes son sa ses notre nos "
        "votre vos leur leurs ce cet cette ces tout toute tous toutes chaque quelque quelques plusieurs aucun aucune "
        "certains certaines",
        links="de d' d’ du des",
        adjectives="grand grande grands grandes nouveau nouvelle nouveaux nouvelles nouvel bon bonne bons bonnes "
        "mauvais mauvaise petit petite petits petites premier première premiers dernier dernière derniers jeune "
        "jeunes vieux vieille beau belle beaux belles autre autres même mêmes long longue haut haute libre libres "
        "meilleur meilleure deux trois quatre cinq six sept huit neuf dix prochain prochaine",
        endings="al ale aux ales el elle els elles eux euse euses ique iques if ive ifs ives able ables ible ibles "
        "ant ante ants antes ent ente ents entes ien ienne iens ain aine ains aines ais aise aises ois oise aire "
        "aires é ée és ées",
        stops="et ou mais que qu' qui quoi quand comme comment où si ne pas plus moins très déjà aussi non oui à en "
        "dans avec sans par pour sur sous entre chez vers depuis pendant avant après contre se s' me m' te t' lui "
        "je j' tu il elle on nous vous ils elles y c' ça cela est sont était étaient été être suis ai as a ont avait "
        "avaient avoir fait font faire peut peuvent pouvait va vont aller dit car donc alors ainsi ici là maintenant "
        "aujourd'hui hier demain toujours jamais seulement bien mieux rien quelqu'un personne mais vrai désormais "
        "jamais fais vais sais dois crois",
    ),
    "it": _SmallWords(
        determiners="il lo la i gli le l' l’ un uno una un' mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro "
        "nostra nostri nostre vostro vostra loro questo questa questi queste quel quello quella quelli quelle quei "
        "quegli tutto tutta tutti tutte ogni qualche alcuni alcune altro altra altri altre molti molte pochi",
        links="di del dello della dei degli delle dell' dell’ d'",
        adjectives="grande grandi gran nuovo nuova nuovi nuove buono buon buona buoni buone cattivo cattiva primo "
        "prima primi prime ultimo ultima ultimi ultime piccolo piccola piccoli piccole giovane vecchio vecchia bel "
        "bello bella belli belle stesso stessa lungo lunga alto alta libero libera liberi migliore migliori due tre "
        "quattro cinque sei sette otto nove dieci prossimo prossima",
        endings="ale ali oso osa osi ose ico ica ici iche ivo iva ivi ive abile abili ibile ibili ente enti ante anti "
        "ano ana ani ane ario aria ari arie ato ata ati ate ito ita iti ite uto uta uti ute ese esi",
        stops="e ed o ma che chi quando come dove se non sì molto più meno già anche a al allo alla ai agli alle all' "
        "in nel nello nella nei negli nelle nell' con senza da dal dalla dai dagli dalle dall' per su sul sulla sui "
        "sugli sulle tra fra verso durante prima dopo contro si mi ti ci vi ne lui lei noi voi io tu è sono era "
        "erano stato stata essere ho hai ha hanno aveva avevano avere fa fanno fare può possono poteva va vanno "
        "andare dice detto perché quindi così qui lì ora adesso oggi ieri domani sempre mai solo bene niente nulla "
        "qualcuno nessuno mentre davanti avanti state siate",
    ),
    "pt": _SmallWords(
        determiners="o a os as um uma uns umas meu minha meus minhas teu tua seu sua seus suas nosso nossa nossos "
        "nossas este esta estes estas esse essa esses essas aquele aquela aqueles aquelas todo toda todos todas cada "
        "outro outra outros outras algum alguma alguns algumas nenhum nenhuma vários várias muitos muitas",
        links="de do da dos das",
        adjectives="grande grandes novo nova novos novas bom boa bons boas mau má primeiro primeira último última "
        "últimos últimas melhor melhores pior maior menor pequeno pequena pequenos pequenas velho velha jovem longo "
        "longa alto alta livre livres dois duas três quatro cinco seis sete oito nove dez mesmo mesma próximo próxima",
        endings="al ais oso osa osos osas ico ica icos icas ivo iva ivos ivas ável áveis ível íveis ente entes ante "
        "antes ano ana anos anas ino ina ário ária ários árias ado ada ados adas ido ida idos idas ês esa eses",
        stops="e ou mas que quem quando como onde se não sim muito mais menos já também ao à aos às em no na nos nas "
        "com sem por pelo pela pelos pelas para sobre entre até desde durante ante contra me te lhe lhes nos vos eu "
        "tu ele ela eles elas você vocês nós é são era eram foi foram ser está estão estava estar tenho tem têm "
        "tinha ter há faz fazem fez fazer pode podem podia vai vão ir diz disse porque embora enquanto então assim "
        "aqui ali lá agora hoje ontem amanhã sempre nunca só quase bem nada algo alguém ninguém antes depois mais "
        "num numa isso isto",
    ),
}
