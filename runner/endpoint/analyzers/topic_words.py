"""The words of a document that can say what it is about, and how a job's documents are kept until all are read.

Owns what a word is here, and which words say nothing. Knows nothing of topics. Works for languages that part
words by blanks, as the service's topics do (COMPREHEND.md section 2.5).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from runner.endpoint.rows import decodable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.endpoint.rows import Share, Slice

__all__ = ["Document", "documents", "word_counts", "word_rows"]

_LENGTH_BYTES = 4
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’](?=[^\W\d_]))+")
_SHORTEST, _LONGEST = 3, 40
_STOP = frozenset(
    """
    a able about above across actually after again against ago all almost along already also although always am among
    an and another any anyone anything are aren around as ask asked at away back be became because become been before
    began behind being below between both but by came can can't cannot come could couldn't did didn't do does doesn't
    doing don't done down during each either else enough especially etc even ever every everyone everything far few
    find first for found from full get gets getting give given go goes going gone good got great had hadn't half has
    hasn't have haven't having he he's her here here's hers herself him himself his how however i i'd i'll i'm i've if
    in indeed instead into is isn't it it's its itself just keep kind knew know known last later least less let let's
    like likely little long look lot made make makes making many may maybe me mean might mine more most much must my
    myself near need never new next no nobody none nor not nothing now of off often oh okay on once one ones only onto
    or other others our ours ourselves out over own part per perhaps put quite rather really right said same saw say
    says second see seem seemed seems seen several shall she she's should shouldn't since so some someone something
    sometimes soon still such take taken tell than that that's the their theirs them themselves then there there's
    these they they'd they'll they're they've thing things think this those though thought three through thus time to
    together too took toward try two under until up upon us use used using usually very want was wasn't way we we'd
    we'll we're we've well went were weren't what what's when where whether which while who who's whole whom whose why
    will with within without won't would wouldn't yes yet you you'd you'll you're you've your yours yourself
    aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dein dem den der des dessen die dies
    diese dieser dieses doch dort du durch ein eine einem einen einer eines er es euer für gegen habe haben hat hatte
    hier ich ihr ihre im immer in ist ja jede jeder jedes kann kein keine können man mehr mein mit nach nicht noch nun
    nur ob oder ohne schon sehr sein seine sich sie sind so über um und uns unser unter viel vom von vor war waren was
    weil wenn werden wie wieder will wir wird wo wurde zu zum zur zwischen
    al algo alguna alguno ante antes aquel asi aún bajo bien cada como con contra cual cuando de del desde después donde
    dos el ella ellas ellos en entre era eran eres es esa ese eso esta este esto está están fue fueron ha había hace
    hasta hay la las le les lo los más me mi mientras mismo muy nada ni no nos nosotros nuestro otra otro para pero poco
    por porque pues que qué quien se ser si sido sin sobre son su sus también tan tanto te tiene todo todos tu tus un
    una uno unos usted ya yo
    ai alla alle allo anche ancora aux avait avec avoir avant aussi au autre autres ce cela ces cet cette ceux che chi
    ci come con cosa così cui da dal dalla dans dei del della delle dello depuis des deux di dont du elle elles en
    encore entre est et eux fait gli ha hai hanno ho il ils je la le les leur leurs loro lui là ma mais me meme mes
    mio moi mon même nei nel nella nelle nos notre nous on ont ou où par parce pas peu peut plus pour più qu quand
    quanto que quella quelle quello questa queste questi questo qui quoi sa sans se sei selon ses sia si son sono sont
    sous su sua sue suo sur tous tout toute toutes tra trop tu tutti tutto un una une uno va vers via voi vos votre vous
    été être
    ainda ao aos aquela aquele as até com como da das de dela dele depois dos ela elas ele eles em entre era essa esse
    esta este eu foi foram há isso isto já lhe mais mas me mesmo meu minha muito na nas nem no nos nossa nosso não num
    numa os ou para pela pelo por quando que quem se sem ser seu seus sua suas são também te tem um uma você vocês à às
    é
    """.split()  # noqa: SIM905 - a list of four hundred quoted words is not easier to read
)

_encode = msgspec.msgpack.Encoder().encode


class Document(msgspec.Struct, frozen=True, array_like=True):
    """One document's words with their counts; `name` is as `doc-topics.csv` names it."""

    name: str
    words: dict[str, int]


_decode = msgspec.msgpack.Decoder(Document).decode


def word_counts(text: str) -> dict[str, int]:
    """The words of a text that can say what it is about, lower-case."""
    words = (word.replace("’", "'").removesuffix("'s") for word in _WORD.findall(text.lower()))
    return dict(Counter(word for word in words if _SHORTEST <= len(word) <= _LONGEST and word not in _STOP))


def word_rows(share: Share, piece: Slice, data: bytes) -> tuple[list[bytes], bool]:
    """The documents of a slice, to be written one after the other, and whether an undecodable byte ended its file.

    The tables have no place for errors: a document that is too long or not UTF-8 is in neither of them.
    """
    if piece.oversize or (piece.first_line is None and piece.length > share.document_bytes_max):
        return [], False
    if piece.first_line is None:
        try:
            return [_packed(piece.label, data.decode())], False
        except UnicodeDecodeError:
            return [], False
    lines = data.splitlines()
    end = decodable(data, lines)
    rows = [
        _packed(f"{piece.label}:{number}", line.decode())
        for number, line in enumerate(lines[:end], start=piece.first_line)
        if len(line) <= share.document_bytes_max
    ]
    return rows, end < len(lines)


def documents(file: BinaryIO) -> Iterator[Document]:
    """The documents that `word_rows` made, one after the other."""
    while head := file.read(_LENGTH_BYTES):
        yield _decode(file.read(int.from_bytes(head, "big")))


def _packed(name: str, text: str) -> bytes:
    body = _encode(Document(name, word_counts(text)))
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body
