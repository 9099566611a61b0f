"""Random manifests over random corpora full of traps: `Corpora(seed, …)` furnishes a folder and says what is expected.

What is expected comes from the model in `rules`, which reads the bytes that were written here.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.acceptance.rules import BOM, FAMILIES, FOLDED, Expected, documents, ending

WORDS: Final = (
    *"I love this film. It was shot in Paris by Angela Merkel on 3 May 2019 for $5. Horrible, never again!".split(),  # noqa: SIM905
    *"Das Wetter in München war schön. C'était bon à Zürich. El niño comió piñas. 東京は晴れ नमस्ते".split(),  # noqa: SIM905
    *(
        "e\u0301te\u0301",
        "👩\u200d👩\u200d👧",
        "𝔘𝔫𝔦",
        "'\"\\",
        '{"a":1}',
        "null",
        "\\n",
        "%s",
        "%b",
        "\u200b",
        "\u202e",
        "-1",
        "1e9",
    ),
)
BREAKS: Final = ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x00", "\x1f", "\t", "\x7f", BOM)
LINE_ENDS: Final = ("\n", "\n", "\r\n", "\r")
BLANK: Final = ("", "", " ", "\t ", "\u2028", "\x85\x0b", "\u3000\xa0", "\x1f")
INVALID: Final = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"a\x80b")
ROWS: Final = (
    "[1]",
    '"text"',
    "null",
    "7",
    "{",
    "{}",
    "[" * 3_000,
    '{"text":"a"} x',
    '{"text":"\\ud800"}',
    '{"text":NaN}',
    '{"a":null,"key":null}',
    '{"text":"a","text":null,"key":"twice","a":{"b":null,"c":null}}',
    '{"text":"\\ud83d\\ude00","key":1,"a":{"b":"é","key":"k"}}',
)
LONE_SURROGATE: Final = b"\x00\xd8"
NAMES: Final = (
    "a.txt",
    "B.txt",
    "with space.txt",
    "quo'te\".txt",
    "ünï.txt",
    "u\u0308ni.txt",
    "co:lon:3.txt",
    "new\nline.txt",
    "😀.txt",
    "back\\slash.txt",
    "per%20cent%b%s.txt",
    "star*[x]?.txt",
    "-dash.txt",
    "plain",
    "tab\t\x7f.txt",
    "a.txt.bak",
    "a.txt.gz",
    "tail .txt",
)
FOLDERS: Final = ("", "", "sub/", "sub/deep/", "sub.x/", "a.txt.d/", "Ä /", "sub-/")
HIDDEN: Final = (".hidden.txt", ".git/config.txt", "sub/.x.txt")
PATTERNS: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    # what follows the corpus's folder, the fixed part below it, which files below that are meant
    ("", "", lambda path: True),
    ("/", "", lambda path: True),
    ("/**", "", lambda path: True),
    ("/**/*.txt", "", lambda path: path.endswith(".txt")),
    ("/*", "", lambda path: "/" not in path),
    ("/sub/**/*", "sub/", lambda path: True),
    ("/[a-z]*/*", "", lambda path: path.count("/") == 1 and "a" <= path[0] <= "z"),
)


@dataclass
class Corpus:
    """One corpus of a manifest, as it is written there, and what is in it."""

    section: dict[str, Any]
    documents: list[Expected] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.section["name"])


# --- the generator ---------------------------------------------------------------------------------------------------


class Corpora:
    """A manifest and its corpora, written below a folder; `long` ones have documents of about a megabyte."""

    def __init__(self, seed: int, root: Path, *, long: bool) -> None:
        self._random = random.Random(seed)
        self._root = root
        self._long = long
        draw = self._random
        self.policy = {"undecodable": draw.choice(["error", "error", "replace"])}
        if draw.random() < 0.4:
            self.policy["max_job_documents"] = draw.choice([1, 3, 20])
        if draw.random() < 0.4:
            self.policy["max_job_bytes"] = draw.choice([1, 700, 9_000])
        self.corpora = [self._corpus(f"c{number}") for number in range(draw.choice([1, 2, 3, 4]))]
        self.analyses = self._analyses()
        self.file_bytes_max = draw.choice([1, 400, 3_000, 512_000_000])
        self.policy["tolerate"] = {"errors": self.errors + draw.choice([-1, 0, 5]) if self.errors else 0}

    @property
    def manifest(self) -> dict[str, Any]:
        return {
            "version": 1,
            "name": "any",
            "corpora": [corpus.section for corpus in self.corpora],
            "analyses": self.analyses,
            "policy": self.policy,
            "output": {"max_file_bytes": self.file_bytes_max},
        }

    # --- what is expected ---------------------------------------------------------------------------------------

    def analyses_of(self, corpus: Corpus) -> list[dict[str, Any]]:
        return [analysis for analysis in self.analyses if corpus.name in analysis["corpora"]]

    @staticmethod
    def language_of(corpus: Corpus) -> str | None:
        """The service's code for what the manifest says."""
        return {"en-US": "en", "zh_Hant": "zh-TW", "DE": "de"}.get(
            corpus.section.get("language"), corpus.section.get("language")
        )

    @property
    def endings(self) -> Iterator[tuple[str, str | None]]:
        for corpus in self.corpora:
            for expected in corpus.documents:
                for analysis in self.analyses_of(corpus):
                    yield ending(analysis, self.language_of(corpus), expected)

    @property
    def errors(self) -> int:
        return sum(outcome == "error" for outcome, _ in self.endings)

    @property
    def exit_code(self) -> int:
        return 0 if self.errors <= self.policy["tolerate"]["errors"] else 3

    # --- analyses and corpora -----------------------------------------------------------------------------------

    def _analyses(self) -> list[dict[str, Any]]:
        draw, names = self._random, [corpus.name for corpus in self.corpora]
        families = draw.sample(list(FAMILIES), draw.choice([1, 2, 3, 4]))
        analyses = [
            {"family": family, "name": family if draw.random() < 0.5 else f"an-{family}_{number}"}
            for number, family in enumerate([*families, draw.choice(families)])
        ]
        names_taken = {analysis["name"] for analysis in analyses}
        if len(names_taken) < len(analyses):
            del analyses[-1]
        for analysis in analyses:
            analysis["corpora"] = sorted(draw.sample(names, draw.randint(1, len(names))))
            if draw.random() < 0.5:
                analysis["oversize"] = draw.choice(["split", "skip", "error"])
        analyses[0]["corpora"] = names
        for corpus in self.corpora:
            families = {analysis["family"] for analysis in analyses if corpus.name in analysis["corpora"]}
            if families == {"dominant_language"} and draw.random() < 0.5:
                del corpus.section["language"]
        return analyses

    def _corpus(self, name: str) -> Corpus:
        draw = self._random
        kind = draw.choice(["files", "lines", "jsonl"])
        section: dict[str, Any] = {"name": name, "format": kind}
        section["language"] = draw.choice(["en", "en-US", "DE", "ja", "zh_Hant", "pt"])
        encoding = draw.choice(["utf-8", "utf-8", "latin-1", "cp1252", "shift_jis", "utf-16", "utf-16-le"])
        if encoding != "utf-8" or draw.random() < 0.5:
            section["encoding"] = encoding
        if kind == "jsonl":
            section["text"] = draw.choice(["text", "a.b", ["text", "a.b"], ["a.b", "a.c", "text"]])
            if draw.random() < 0.6:
                section["id"] = draw.choice(["key", "a.key"])
        corpus = Corpus(section)
        files = self._files(name, encoding, section)
        order = self._sources(name, files, section)
        for label, path in order:
            replace = self.policy["undecodable"] == "replace"
            corpus.documents += documents(section, label, files[path], replace=replace)
        if draw.random() < 0.2:
            section["limit"] = draw.randint(1, len(corpus.documents) + 1)
            del corpus.documents[section["limit"] :]
        return corpus

    def _files(self, name: str, encoding: str, section: dict[str, Any]) -> dict[str, bytes]:
        """Files below the corpus's folder by path, written; what is packed is packed on disk only."""
        draw = self._random
        count = draw.choice([1, 2, 5, 12]) if section["format"] == "files" else draw.choice([1, 2, 3])
        paths = [draw.choice(FOLDERS) + draw.choice(NAMES) for _ in range(count)]
        files = {path: self._content(section, encoding) for path in ["first.txt", *paths]}
        files["first.txt"] += self._encoded(self._unit(section, "a plain one"), encoding)
        for path, content in {**files, **dict.fromkeys(draw.sample(HIDDEN, 1), b"hidden")}.items():
            file = self._root / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            packed = gzip.compress(content[:7]) + gzip.compress(content[7:])
            file.write_bytes(packed if path.endswith(".gz") else content)
        return files

    def _sources(self, name: str, files: dict[str, bytes], section: dict[str, Any]) -> list[tuple[str, str]]:
        """Choose sources, write them into the section, and list (label, path) in input order, each file once."""
        draw = self._random
        found: dict[str, str] = {}
        sources = []
        for pattern, fixed, meant in draw.sample(PATTERNS, draw.choice([1, 1, 2])):
            below = {path.removeprefix(fixed): path for path in files if path.startswith(fixed)}
            chosen = {label: path for label, path in below.items() if meant(label)}
            if chosen:
                sources.append(f"{name}{pattern}")
                for label in sorted(chosen):
                    found.setdefault(chosen[label], label)
        if "first.txt" not in found:
            sources.append(f"{name}/first.txt")
            found["first.txt"] = "first.txt"
        section["source"] = sources if len(sources) > 1 or draw.random() < 0.5 else sources[0]
        return [(label, path) for path, label in found.items()]

    # --- contents -----------------------------------------------------------------------------------------------

    def _content(self, section: dict[str, Any], encoding: str) -> bytes:
        draw = self._random
        data = self._encoded(BOM, encoding) if draw.random() < 0.3 else b""
        if section["format"] == "files":
            data += self._encoded(self._text(), encoding)
            return data + draw.choice(INVALID) if draw.random() < 0.15 else data
        for _ in range(draw.choice([0, 1, 4, 15, 60])):
            data += self._encoded(self._unit(section, self._text()), encoding)
            if draw.random() < 0.06:
                data += LONE_SURROGATE if encoding.startswith("utf-16") else draw.choice(INVALID)
            data += self._encoded(draw.choice(LINE_ENDS), encoding)
        return data + b"z" if encoding == "utf-16-le" and draw.random() < 0.2 else data

    def _encoded(self, text: str, encoding: str) -> bytes:
        """The text as far as the encoding has its characters; without the mark that `utf-16` begins with."""
        return text.encode("utf-16-le" if encoding == "utf-16" else encoding, "ignore")

    def _unit(self, section: dict[str, Any], text: str) -> str:
        """A text as one unit of its format: as it is, or as a row of JSON, perhaps a bad one."""
        draw = self._random
        if section["format"] != "jsonl":
            return text
        key = draw.choice(
            ["k1", "k1", 7, -1.50, "1.50", "", "😀", 'q"uo\\te', "new\nline", "a:1", "\x00\x1f\u2028 ", "é"]
        )
        row: dict[str, Any] = {
            "text": text,
            "a": {"b": self._text(), "c": "tail", "key": key},
            "key": key,
            "x": [1, {}],
        }
        if draw.random() < 0.3:
            self._spoil(row)
        line = json.dumps(row, ensure_ascii=draw.random() < 0.5)
        line = line.replace(": -1.5,", ": -1.50,")
        if draw.random() < 0.1:
            line = draw.choice([*ROWS, line[:-1], BOM + line, f" \t{line} "])
        return line

    def _spoil(self, row: dict[str, Any]) -> None:
        draw = self._random
        place: dict[str, Any] = draw.choice([row, row["a"]])
        name = draw.choice(list(place))
        if draw.random() < 0.3:
            del place[name]
        else:
            place[name] = draw.choice([None, None, 5, True, [], {}, "", "other"])

    def _text(self) -> str:
        draw = self._random
        chance = draw.random()
        if chance < 0.12:
            return draw.choice(BLANK)
        if chance < 0.2:
            return self._sized()
        words = [draw.choice(WORDS) for _ in range(draw.choice([1, 3, 10, 40]))]
        for _ in range(draw.choice([0, 0, 1, 3])):
            words.insert(draw.randrange(len(words) + 1), draw.choice(BREAKS))
        return draw.choice(["", " "]).join(words) if chance < 0.3 else " ".join(words)

    def _sized(self) -> str:
        """Just within, at or above a limit of bytes after folding, which makes the separator shorter."""
        draw = self._random
        limit = 1 << 20 if self._long and draw.random() < 0.5 else 5 << 10
        head = draw.choice(["Good \u2028day, ", "Good day, ", "Gööd dày\r\n"])
        return head + "y" * (limit + draw.choice([-1, 0, 1]) - len(head.translate(FOLDED).encode()))
