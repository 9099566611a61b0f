"""Quality and speed of the local analyzers on public labelled data.

    python benchmarks/bench_analyzers.py --data DIR [--only language,sentiment,entities,key_phrases,pii,topics]
                                         [--no-speed] [--show N]

DIR holds `udhr/`, `sentence_polarity/`, `movie_reviews/`, `wnut17/` and `inaugural/`. Labelled texts are split by
their SHA-256: *tuning* may be looked at while the rules are made, *untouched* may not; both figures are printed.
Of WNUT 2017, `train` is the tuning part and `dev` the untouched one. Speed is measured against the bare library
in the same run, on documents of about 1 KB.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.endpoint import analyzers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

UDHR = {
    "arb": "ar", "ces": "cs", "cmn_hans": "zh", "cmn_hant": "zh-TW", "deu_1901": "de", "ell_monotonic": "el",
    "eng": "en", "fin": "fi", "fra": "fr", "heb": "he", "hin": "hi", "ind": "id", "ita": "it", "jpn": "ja",
    "kor": "ko", "nld": "nl", "pol": "pl", "por_PT": "pt", "ron": "ro", "rus": "ru", "spa": "es", "swe": "sv",
    "tur": "tr", "ukr": "uk", "vie": "vi",
}  # fmt: skip
TWELVE = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW")
HALVES = ("tuning", "untouched")
SHORTEST, LONGEST = 20, 40  # characters
DOCUMENT = 1_070  # characters


def half(text: str) -> str:
    return HALVES[hashlib.sha256(text.encode()).digest()[0] % 2]


def cut(line: str) -> Iterator[str]:
    """Pieces of 20 to 40 characters of one line, between blanks where it has any."""
    piece = ""
    for word in line.split():
        rest = word
        while len(rest) > LONGEST:
            yield rest[:30]
            rest = rest[30:]
        if piece and len(piece) + 1 + len(rest) > LONGEST:
            yield piece
            piece = rest
        else:
            piece = f"{piece} {rest}".strip()
        if len(piece) >= SHORTEST:
            yield piece
            piece = ""


def short_texts(data: Path) -> Iterator[tuple[str, str]]:
    """(language, piece) of every declaration, each piece once."""
    for stem, code in UDHR.items():
        lines = (data / f"udhr/{stem}.txt").read_text(encoding="utf-8").splitlines()
        for piece in dict.fromkeys(piece for line in lines for piece in cut(line)):
            if SHORTEST <= len(piece) <= LONGEST:
                yield code, piece


def bench_language(data: Path) -> None:
    import pycld2

    analyze = analyzers.load("dominant_language")
    right: Counter[tuple[str, str, str]] = Counter()
    count: Counter[tuple[str, str]] = Counter()
    missed: dict[str, Counter[str]] = {code: Counter() for code in UDHR.values()}
    for code, piece in short_texts(data):
        part = half(piece)
        count[part, code] += 1
        found = first_code(analyze(piece, None))
        bare = pycld2.detect(piece)[2][0][1].replace("zh-Hant", "zh-TW").replace("iw", "he")
        right[part, code, "ours"] += found == code
        right[part, code, "bare"] += bare == code
        if found != code and part == "tuning":
            missed[code][found] += 1
    for codes, name in ((TWELVE, "the twelve"), (tuple(UDHR.values()), "all 25")):
        for part in HALVES:
            total = sum(count[part, code] for code in codes)
            ours, bare = (sum(right[part, code, who] for code in codes) / total for who in ("ours", "bare"))
            print(f"language, {SHORTEST}-{LONGEST} characters, {name}, {part}: {ours:.4f} of {total} (CLD2 {bare:.4f})")
    for code in UDHR.values():
        rates = "  ".join(f"{part} {right[part, code, 'ours'] / count[part, code]:.3f}" for part in HALVES)
        print(f"  {code:6} {rates}  {dict(missed[code].most_common(4))}")


def first_code(answer: dict[str, Any]) -> str:
    return str(answer["Languages"][0]["LanguageCode"]) if answer["Languages"] else "none"


def opinions(data: Path) -> Iterator[tuple[str, str, bool]]:
    """(data set, text, whether it is positive)."""
    for name in ("pos", "neg"):
        raw = (data / f"sentence_polarity/rt-polarity.{name}").read_text(encoding="utf-8")
        for line in raw.split("\n"):
            if line.strip():
                yield "sentence_polarity", line.strip(), name == "pos"
        for path in sorted((data / f"movie_reviews/{name}").glob("*.txt")):
            yield "movie_reviews", path.read_text(encoding="utf-8", errors="replace"), name == "pos"


def bench_sentiment(data: Path) -> None:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    vader = SentimentIntensityAnalyzer()
    analyze: Callable[..., dict[str, Any]] = analyzers.load("sentiment")
    right: Counter[tuple[str, str, str]] = Counter()
    count: Counter[tuple[str, str]] = Counter()
    labels: dict[str, Counter[str]] = {"sentence_polarity": Counter(), "movie_reviews": Counter()}
    for kind, text, positive in opinions(data):
        part = half(text)
        count[kind, part] += 1
        answer = analyze(text, "en")
        scores = answer["SentimentScore"]
        right[kind, part, "ours"] += (scores["Positive"] > scores["Negative"]) == positive
        right[kind, part, "vader"] += (vader.polarity_scores(text)["compound"] > 0) == positive
        if part == "untouched":
            labels[kind][answer["Sentiment"]] += 1
    for (kind, part), total in sorted(count.items()):
        ours, bare = right[kind, part, "ours"] / total, right[kind, part, "vader"] / total
        print(f"sentiment, {kind}, {part}: {ours:.4f} of {total} (VADER {bare:.4f}, {ours - bare:+.4f})")
    for kind, found in labels.items():
        print(f"  labels given, {kind}, untouched: {dict(found)}")


def wnut(path: Path) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:
    """(text, spans) of each tweet: tokens joined by blanks."""
    tokens: list[tuple[str, str]] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line.strip():
            word, _, tag = line.rpartition("\t")
            tokens.append((word, tag.strip()))
        elif tokens:
            yield joined(tokens)
            tokens = []


def joined(tokens: list[tuple[str, str]]) -> tuple[str, list[tuple[int, int, str]]]:
    text, spans, at = " ".join(word for word, _ in tokens), [], 0
    for word, tag in tokens:
        end = at + len(word)
        if tag.startswith("B-"):
            spans.append((at, end, tag[2:]))
        elif tag.startswith("I-") and spans:
            spans[-1] = (spans[-1][0], end, spans[-1][2])
        at = end + 1
    return text, spans


def bench_entities(data: Path, *, show: int) -> None:
    analyze: Callable[..., dict[str, Any]] = analyzers.load("entities")
    kinds = {"PERSON": "person", "LOCATION": "location"}
    for part, name in (("train (tuning)", "wnut17train.conll"), ("dev (untouched)", "emerging.dev.conll")):
        hits, said, gold = Counter[str](), Counter[str](), Counter[str]()
        shown = 0
        for text, spans in wnut(data / f"wnut17/{name}"):
            wanted = {span for span in spans if span[2] in kinds.values()}
            found = {
                (e["BeginOffset"], e["EndOffset"], kinds[e["Type"]])
                for e in analyze(text, "en")["Entities"]
                if e["Type"] in kinds
            }
            gold.update(kind for *_, kind in wanted)
            said.update(kind for *_, kind in found)
            hits.update(kind for *_, kind in wanted & found)
            if wanted != found and part.startswith("train") and shown < show:
                shown += 1
                print("   ", text, "| missed", [text[b:e] for b, e, _ in wanted - found], end=" ")
                print("| wrong", [(text[b:e], k) for b, e, k in found - wanted])
        for kind in (*kinds.values(), "both"):
            of = [sum(c.values()) if kind == "both" else c[kind] for c in (hits, said, gold)]
            precision, recall = of[0] / max(1, of[1]), of[0] / max(1, of[2])
            f1 = 2 * precision * recall / max(1e-9, precision + recall)
            print(f"entities, WNUT 2017 {part}, {kind}: P {precision:.3f} R {recall:.3f} F1 {f1:.3f} of {of[2]}")


def chunks(text: str) -> list[tuple[int, int]]:
    """The noun phrases of TextBlob's chunker, found again in the text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from textblob.en import parse

    found: list[tuple[int, int]] = []
    at = 0
    for token in parse(text, chunks=True).split():
        for word, _, chunk, *_ in token:
            begin = text.find(word, at)
            if begin < 0:
                continue
            at = begin + len(word)
            if chunk == "B-NP":
                found.append((begin, at))
            elif chunk == "I-NP" and found:
                found[-1] = (found[-1][0], at)
    return found


def bench_key_phrases(data: Path) -> None:
    """No set of labelled phrases is at hand: a named entity must at least lie within one phrase."""
    analyze: Callable[..., dict[str, Any]] = analyzers.load("key_phrases")
    for part, name in (("train (tuning)", "wnut17train.conll"), ("dev (untouched)", "emerging.dev.conll")):
        inside, exact, said, gold = Counter[str](), Counter[str](), Counter[str](), 0
        for text, spans in wnut(data / f"wnut17/{name}"):
            gold += len(spans)
            phrases = analyze(text, "en")["KeyPhrases"]
            for who, found in (
                ("ours", [(row["BeginOffset"], row["EndOffset"]) for row in phrases]),
                ("TextBlob", chunks(text)),
            ):
                said[who] += len(found)
                inside[who] += sum(any(b <= begin and end <= e for b, e in found) for begin, end, _ in spans)
                exact[who] += sum((begin, end) in found for begin, end, _ in spans)
        for who in ("ours", "TextBlob"):
            print(
                f"key phrases, WNUT 2017 {part}, {who}: {inside[who] / gold:.3f} of {gold} entities lie in a phrase, "
                f"{exact[who] / gold:.3f} are one, {said[who]} phrases"
            )


def bench_topics(data: Path) -> None:
    """All of a job against scikit-learn's TF-IDF and NMF, if that is installed; both single-threaded where they can."""
    import tempfile

    from runner.endpoint.analyzers import topics
    from runner.endpoint.analyzers.topic_words import word_rows
    from runner.endpoint.rows import Share, Slice

    lines = [text.replace("\n", " ") for text in documents(data, 10_000)] * 10
    content = "\n".join(lines).encode()
    share = Share("topics", "default", None, 1 << 20, "rows", [])
    begin = time.perf_counter()
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(word_rows(share, Slice("a", "", 0, len(content), 0), content)[0]))
        file.flush()
        counted = time.perf_counter() - begin
        terms, _ = topics.tables(file.name, 10)
    ours = time.perf_counter() - begin
    print(f"topics, {len(lines):,} documents, 10 topics: {ours:.1f} s, of which counting words {counted:.1f} s")
    print("  " + terms.decode().replace("\n", "; ")[:300])
    try:
        from sklearn.decomposition import NMF
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ModuleNotFoundError:
        print("  scikit-learn is not installed: nothing to compare with")
        return
    begin = time.perf_counter()
    matrix = TfidfVectorizer(stop_words="english", max_features=8_000, min_df=2, max_df=0.5).fit_transform(lines)
    NMF(10, init="nndsvda", random_state=0, max_iter=60).fit_transform(matrix)
    print(f"  scikit-learn: {time.perf_counter() - begin:.1f} s")


def bench_pii(*, show: int) -> None:
    from benchmarks import pii_documents

    analyze: Callable[..., dict[str, Any]] = analyzers.load("pii_entities")
    for language in ("en", "es"):
        for part, untouched in (("tuning", False), ("untouched", True)):
            hits, said, gold = Counter[str](), Counter[str](), Counter[str]()
            shown = 0
            for text, spans in pii_documents.documents(language, untouched=untouched, count=1_000):
                wanted = set(spans)
                found = {(e["BeginOffset"], e["EndOffset"], e["Type"]) for e in analyze(text, language)["Entities"]}
                gold.update(kind for *_, kind in wanted)
                said.update(kind for *_, kind in found)
                hits.update(kind for *_, kind in wanted & found)
                if wanted != found and part == "tuning" and shown < show:
                    shown += 1
                    print("   missed", [(text[b:e], k) for b, e, k in wanted - found], end=" ")
                    print("| wrong", [(text[b:e], k) for b, e, k in found - wanted])
            precision, recall = sum(hits.values()) / sum(said.values()), sum(hits.values()) / sum(gold.values())
            print(f"pii, generated, {language}, {part}: P {precision:.4f} R {recall:.4f} of {sum(gold.values())}")
            low = {
                kind: f"P {hits[kind] / max(1, said[kind]):.2f} R {hits[kind] / max(1, gold[kind]):.2f} of {gold[kind]}"
                for kind in sorted(gold | said)
                if min(hits[kind] / max(1, said[kind]), hits[kind] / max(1, gold[kind])) < 0.95
            }
            print(f"  types below 0.95: {low}")


def documents(data: Path, count: int) -> list[str]:
    """English documents of about 1 KB, from the reviews and the addresses."""
    paths = [*sorted((data / "movie_reviews/pos").glob("*.txt"))[:60], *sorted((data / "inaugural").glob("*.txt"))[:20]]
    whole = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
    return [whole[i : i + DOCUMENT] for i in range(0, len(whole), DOCUMENT)][:count]


def rate(analyze: Callable[[str], object], texts: Iterable[str]) -> float:
    """Documents per second, the best of three."""
    listed = list(texts)
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        for text in listed:
            analyze(text)
        best = min(best, time.perf_counter() - begin)
    return len(listed) / best


def bare_libraries() -> dict[str, tuple[str, Callable[[str], object]]]:
    import pycld2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from textblob.en import parse
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return {
        "dominant_language": ("pycld2.detect", pycld2.detect),
        "entities": ("TextBlob's tagger and chunker", lambda text: parse(text, chunks=True)),
        "key_phrases": ("TextBlob's tagger and chunker", lambda text: parse(text, chunks=True)),
        "sentiment": ("VADER", SentimentIntensityAnalyzer().polarity_scores),
    }


def _in_english(analyze: Callable[..., object], text: str) -> object:
    return analyze(text, "en")


def bench_speed(data: Path) -> None:
    texts = documents(data, 200)
    for family in ("pii_entities", "targeted_sentiment", "events"):
        analyze = analyzers.load(family)
        print(f"speed, {family}: {rate(partial(_in_english, analyze), texts):,.0f} documents/s (no bare library)")
    for family, (name, bare) in bare_libraries().items():
        begin = time.perf_counter()
        analyze = analyzers.load(family)
        loaded = time.perf_counter() - begin
        ours, theirs = rate(partial(_in_english, analyze), texts), rate(bare, texts)
        print(
            f"speed, {family}: {ours:,.0f} documents/s, loaded in {loaded:.2f} s"
            f" ({name} {theirs:,.0f}, ratio {ours / theirs:.2f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", default="language,sentiment,entities,key_phrases,pii,topics")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--show", type=int, default=0, help="print so many mistakes of the tuning part")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if "language" in wanted:
        bench_language(options.data)
    if "sentiment" in wanted:
        bench_sentiment(options.data)
    if "entities" in wanted:
        bench_entities(options.data, show=options.show)
    if "key_phrases" in wanted:
        bench_key_phrases(options.data)
    if "topics" in wanted:
        bench_topics(options.data)
    if "pii" in wanted:
        bench_pii(show=options.show)
    if not options.no_speed:
        bench_speed(options.data)


if __name__ == "__main__":
    main()
