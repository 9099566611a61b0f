"""Train the model that tells short texts in Latin letters apart: `runner/endpoint/analyzers/language_latin.bin`.

    OMP_NUM_THREADS=1 python -m benchmarks.train_language --data DIR [--check]

With one thread the weights come out the same, byte for byte; with more their sums round differently.
DIR holds `udhr/`. Three sources: the pieces of the declarations whose SHA-256 begins with an even byte (public
domain), the word lists of Faker's lorem providers (MIT), and the commonest small words of each language, below.
`--check` cross-validates inside that half instead of writing. Needs scikit-learn and Faker.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import struct
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pycld2
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from benchmarks.bench_analyzers import UDHR, half, short_texts
from runner.endpoint.analyzers import language
from runner.endpoint.analyzers.language_features import TABLE_BITS, places

WEIGHTS = Path(__file__).parent.parent / "runner/endpoint/analyzers/language_latin.bin"
OTHER_SCRIPTS = frozenset({"ar", "el", "he", "hi", "ja", "ko", "ru", "uk", "zh", "zh-TW"})
LOREM = {
    "cs": "cs_CZ", "da": "da_DK", "de": "de_DE", "en": "en_US", "es": "es_ES", "fr": "fr_FR", "it": "it_IT",
    "nl": "nl_NL", "pl": "pl_PL", "vi": "vi_VN",
}  # fmt: skip
SMALL_WORDS = {
    "ca": "el la els les un una uns unes de del dels i o però que qui no ni si com quan on per amb sense en a al als "
    "és són era eren ser estar està tinc té tenen tenia he has ha hem han fer fa pot més menys molt també ja encara "
    "aquest aquesta això això seu seva nostre meva tot tota tots cada altre dos tres any dia bé aquí avui demà gràcies",
    "cs": "a i o u v ve k ke s se z ze na do od po pro při bez nad pod před mezi že ale nebo když jako kde kdo co "
    "jak je jsou byl byla bylo byli být není mám má mají může musí chce já ty on ona my vy oni ten ta to tento tato "
    "všechno velmi také již ještě dnes zítra dobrý den děkuji ne ano který která které jeho její jejich každý",
    "da": "og i at det en den til er som på de med han af for ikke der var mig sig men et har om vi min havde ham "
    "hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne ind når være "
    "noget jeg meget også efter kan må mere denne dette hvis god tak hvordan",
    "de": "der die das den dem des ein eine einen einem einer und oder aber nicht ist sind war waren wird werden "
    "wurde hat haben hatte kann können muss soll will ich du er sie es wir ihr mich mir uns sich mein sein ihre "
    "unser auf aus bei mit nach seit von zu zum zur für gegen ohne um durch über unter vor hinter zwischen im in am "
    "an als wie wenn weil dass auch nur noch schon sehr so dann da hier heute morgen kein keine mehr immer alle viel "
    "gut danke bitte",
    "en": "the of and to a in is it you that he was for on are with as his they at be this from have or by one had not "
    "but what all were when we there can an your which their said if do will each about how up out them then she many "
    "some so these would other into has more her two like him see time could no make than been its who now my did get "
    "thank please very good just i am don't it's i'm",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin "
    "sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué "
    "sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada e vida otro "
    "después te otros aunque esa eso hace otra gobierno tan durante siempre día tanto ella tres sí gracias hola",
    "fi": "ja on ei se että hän oli en mutta ovat kun niin kuin tai jos myös minä sinä me te he tämä tuo mikä kuka "
    "missä mitä kaikki vain jo nyt sitten hyvä kiitos ole olen olet olla ollut voi voin pitää saa joka jotka hänen "
    "minun heidän siitä sen niitä vielä aina paljon enemmän ilman kanssa jälkeen ennen",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont mais comme ou "
    "si leur y dont aux avec cette ces été tout nous sa fait son être ont même elle deux je tu vous on ils elles me te "
    "lui mon ma mes ton ses notre votre leurs était sans sous entre aussi très bien encore où quand parce quoi c'est "
    "n'est d'un d'une qu'il j'ai l'on merci bonjour aujourd'hui peut faire avoir toujours jamais rien",
    "hu": "a az és hogy nem is egy ez de van volt meg csak már ki mi te ő mint vagy még ha el be le fel minden nagyon "
    "jó lesz lehet kell azt ezt után előtt alatt között nincs igen köszönöm szép nap én neki nekem ami aki akkor most "
    "itt ott hol miért mert több első két három",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa ada mereka "
    "lebih kata tahun sudah atau saat oleh menjadi orang ia telah adalah seperti sebagai bahwa dapat para harus namun "
    "kita dua satu masih hari hanya mengatakan kepada kami setelah melakukan lalu belum lain dia kalau terjadi banyak "
    "menurut anda hingga tak baru beberapa ketika saja jalan sekitar secara antara sangat terima kasih",
    "it": "di che è la il un a per in una mi sono ho non ma lo ha le si ti i con cosa se io come da ci no questo qui e "
    "hai sei del bene tu sì me più al mio perché lei solo te era gli tutto della così mia ne questa fare quando ora "
    "fatto essere so mai chi o alla tutti molto dei anche detto quello va niente grazie lui voglio abbiamo stato nel "
    "suo dove posso oh prima allora siamo poi ancora nella degli delle alle sul sulla dal dalla nei ogni",
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om dan ook als maar bij of uit nog naar heeft "
    "ze hij door over ik je u we wij zij hun haar hem mij jij kan kunnen moet zal zou worden wordt werd was waren "
    "had hebben geen meer wel veel al dit deze die wat wie waar hoe toen nu hier daar tot tegen onder zonder zeer "
    "goed dank alles iedereen altijd nooit mijn",
    "no": "og i det på som er en til å han av for at med var de ikke den har jeg om et men så seg hun hadde fra vi "
    "du kan da ble ut skal vil ham etter over ved også bare eller sa nå dette noe være meg mot opp der når inn dem "
    "kunne andre blir alle noen sin ha år henne må selv sier få kom denne enn to hans bli ville før vært skulle går "
    "slik gå mye takk hvordan hva hvor",
    "pl": "w i z na do się nie to jest że o a jak ale po co tak za od przez dla czy już tylko być był była było jego "
    "jej ich ten ta te tego tym który która które oraz lub są może ma mam mnie mi ja ty on ona my wy oni bardzo "
    "jeszcze więc gdy kiedy gdzie kto wszystko każdy bez pod nad przed między przy dziękuję dobry dzień także",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu "
    "sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter "
    "seus quem nas me esse eles estão você tinha foram essa num nem suas meu às minha têm numa pelos elas havia seja "
    "qual será nós tenho lhe deles essas esses pelas este fosse dele tu te vocês vos obrigado bom dia são fazer pode "
    "ainda",
    "ro": "și în de la cu pe un o a nu este care din ce mai să se că sunt pentru fi lui am au era al ale sau dar dacă "
    "după fără până prin despre între acest această acestea orice fiecare toate toți el ea ei noi voi eu tu îi îl le "
    "mi ne vă foarte bine mulțumesc bună ziua când unde cum cine aici acum doar încă avea are poate trebuie fost",
    "sv": "och i att det som en på är av för med den till inte har de om ett han men var jag sig så från vi kan när "
    "hon nu ut ska skulle över där mot ska efter upp eller hade bara vid mycket då sin också in än här vad alla "
    "kunde hur dem blir under man blev finns utan varit ha få du min din sina denna detta varje något mer tack bra "
    "god",
    "tr": "ve bir bu da de için ile çok ne o ben sen biz siz onlar var yok mi mı mu değil gibi daha en kadar sonra "
    "önce ama veya ya her şey şu olarak olan oldu olduğu ise ki göre hiç bütün tüm kendi iki üç gün iyi güzel "
    "teşekkür ederim nasıl nerede kim neden bana sana ona beni seni hak herkes",
    "vi": "và của là có không được cho một trong các những người này đó với để khi đã đang sẽ thì mà như từ về tôi bạn "
    "anh chị em họ chúng ta nó rất cũng còn chỉ nhưng hay hoặc vì nên nếu đến ra vào lên xuống làm gì ai đâu sao nào "
    "mọi quyền cảm ơn ngày năm",
}
# Faker has no Portuguese, Romanian or Swedish lorem: some nouns, verbs and adjectives for their endings.
COMMON_WORDS = {
    "de": "hallo danke bitte ja nein tschüss guten morgen abend paket bestellung lieferung kaputt leider kunde preis "
    "telefon bahnhof straße geld zurück schnell langsam teuer billig schlecht toll super essen wasser kaffee zimmer",
    "en": "hello hi thanks thank you please yes no okay goodbye order delivery package broken customer service price "
    "phone station street money back fast slow expensive cheap bad great awesome food water coffee room battery "
    "screen",
    "es": "hola gracias por favor sí adiós buenos días noches pedido entrega paquete roto cliente precio teléfono "
    "estación calle dinero rápido lento caro barato malo excelente comida agua café habitación batería pantalla",
    "fr": "bonjour merci salut oui non au revoir bonsoir commande livraison colis cassé client prix téléphone gare rue "
    "argent rapide lent cher mauvais excellent repas eau café chambre batterie écran retard",
    "it": "ciao grazie per favore sì arrivederci buongiorno buonasera ordine consegna pacco rotto cliente prezzo "
    "telefono stazione strada soldi veloce lento caro economico cattivo ottimo cibo acqua caffè camera batteria "
    "schermo",
    "pt": "olá oi obrigada por favor sim tchau boa noite pedido entrega pacote quebrado cliente preço telefone "
    "estação rua rápido lento caro barato ruim ótimo comida café quarto bateria tela informação situação condições "
    "possível família escola cidade empresa governo país mundo vida saúde educação população questão relação "
    "produção atenção opinião razão coração irmão mão não pão manhã amanhã irmã homem mulher criança jovem viagem "
    "imagem mensagem ordem origem trabalho filho olho melhor maior menor senhor professor jogador falar fazer dizer "
    "saber poder querer dever viver comer beber abrir partir disse falou comprou chegou ficou nacional internacional "
    "universal geral social natural final igual especial importante diferente presente existência consciência "
    "violência diferença esperança segurança liberdade igualdade sociedade verdade necessidade qualidade atividade "
    "história memória experiência própria próprio necessário contrário salário público política econômica económico "
    "língua água área férias através porém nenhum nenhuma alguém ninguém dinheiro janeiro fevereiro primeiro "
    "terceiro brasileiro português portuguesa inglês mês três direitos pessoas coisas dias anos meses livros membros "
    "países animais jornais papéis fáceis úteis difícil fácil útil lei leis rei céu meu europeu chapéu perdeu",
    "ro": "informație situație condiții posibil familie școală oraș companie guvern țară lume viață sănătate "
    "educație populație problemă relație producție atenție opinie rațiune inimă frate mână pâine mâine soră bărbat "
    "femeie copil tânăr călătorie imagine mesaj ordine muncă fiu ochi vorbi face spune ști putea vrea trebui trăi "
    "mânca bea deschide național internațional universal general social natural final egal important diferit prezent "
    "libertate egalitate societate adevăr necesitate calitate activitate istorie memorie experiență proprie necesar "
    "salariu public politică economică limbă apă prin drepturile omului persoană persoane lucruri zile ani luni "
    "cărți membri țări",
    "sv": "information situation möjlig familj skola stad företag regering land världen liv hälsa utbildning "
    "befolkning fråga produktion uppmärksamhet åsikt hjärta bror hand bröd morgon syster kvinna barn ung resa bild "
    "meddelande ordning arbete öga tala göra säga veta kunna vilja böra leva äta dricka öppna nationell "
    "internationell allmän social naturlig lika viktig olika närvarande frihet jämlikhet samhälle sanning behov "
    "kvalitet verksamhet historia minne erfarenhet egen nödvändig lön offentlig politik ekonomisk språk vatten "
    "rättigheter människor saker dagar år månader böcker medlemmar länder skydd",
}
CODES = tuple(sorted(SMALL_WORDS))
SYNTHETIC = 250  # texts per language and source
INVERSE_REGULARISATION = 3.0
FOLDS = 4

Labelled = list[tuple[str, str]]


def synthetic() -> Labelled:
    """Texts of two to six words drawn from the lists, always the same ones."""
    drawn: Labelled = []
    for code in CODES:
        rng = random.Random(code)
        small = SMALL_WORDS[code].split() + COMMON_WORDS.get(code, "").split()
        for _ in range(SYNTHETIC if code in LOREM else 2 * SYNTHETIC):
            drawn.append((code, " ".join(rng.sample(small, rng.randint(1, 5)))))
        if code in LOREM:
            listed = [w for w in import_module(f"faker.providers.lorem.{LOREM[code]}").Provider.word_list if w.strip()]
            for _ in range(SYNTHETIC):
                mixed = [*rng.sample(listed, rng.randint(1, 3)), *rng.sample(small, rng.randint(0, 2))]
                rng.shuffle(mixed)
                drawn.append((code, " ".join(mixed)))
    return drawn


def shorter(rows: Labelled) -> Labelled:
    """Each piece, and its halves: texts of two or three words must be told too."""
    found = []
    for code, piece in rows:
        words = piece.split()
        cut = (len(words) + 1) // 2
        found += [(code, piece), (code, " ".join(words[:cut]))]
        if words[cut:]:
            found.append((code, " ".join(words[cut:])))
    return found


def matrix(rows: Labelled) -> Any:
    pointers, columns, values = [0], [], []
    for _, text in rows:
        found = places(text)
        columns += found
        values += [1 / max(1, len(found))] * len(found)
        pointers.append(len(columns))
    x = sp.csr_matrix((values, columns, pointers), shape=(len(rows), 1 << TABLE_BITS))
    x.sum_duplicates()
    return x


def fit(rows: Labelled) -> tuple[Any, Any]:
    """Weights (places by languages) and biases."""
    y = np.array([CODES.index(code) for code, _ in rows])
    model = LogisticRegression(C=INVERSE_REGULARISATION * 100, max_iter=300)
    model.fit(matrix(rows), y)
    return model.coef_.T, model.intercept_


def check(rows: Labelled, invented: Labelled) -> None:
    fold = np.array([hashlib.sha256(text.encode()).digest()[1] % FOLDS for _, text in rows])
    alone, together = 0, 0
    for k in range(FOLDS):
        weights, biases = fit(shorter([r for r, f in zip(rows, fold, strict=True) if f != k]) + invented)
        held = [r for r, f in zip(rows, fold, strict=True) if f == k]
        margins = matrix(held) @ weights + biases
        for margin, (code, text) in zip(margins, held, strict=True):
            chances = dict(zip(CODES, np.exp(margin - margin.max()) / np.exp(margin - margin.max()).sum(), strict=True))
            alone += max(chances, key=lambda name: chances[name]) == code
            together += language.agreed(chances, *language.opinion(pycld2.detect, text)) == code
    print(f"the model alone: {alone / len(rows):.4f} of {len(rows)} in {FOLDS} folds of the tuning half")
    print(f"with CLD2's opinion: {together / len(rows):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    latin = set(UDHR.values()) - OTHER_SCRIPTS
    rows = [(code, text) for code, text in short_texts(options.data) if code in latin and half(text) == "tuning"]
    if options.check:
        check(rows, synthetic())
        return
    weights, biases = fit(shorter(rows) + synthetic())
    step = float(np.quantile(np.abs(weights), 0.9999)) / 127
    table = np.clip(np.rint(weights / step), -127, 127).astype(np.int8)
    head = json.dumps({"bits": TABLE_BITS, "step": step, "codes": CODES, "biases": [round(b, 6) for b in biases]})
    body = struct.pack("<I", len(head)) + head.encode() + table.tobytes()
    WEIGHTS.write_bytes(zlib.compress(body, 9))
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
