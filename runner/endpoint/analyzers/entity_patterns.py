"""DATE and QUANTITY: expressions for dates, times, numbers with a unit, money and percentages, per language.

Owns the expressions; built from the calendar of the language (Babel) and its number words. Knows nothing of
names. Every repetition is bounded or unambiguous: time stays linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.endpoint.analyzers.gazetteers import Gazetteer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The words of time and measure of one language, as alternatives of an expression."""

    numbers: str
    moments: str
    periods: str
    relative: str
    ago: str
    money: str
    units: str
    scale: str
    of: str
    approximately: str


_WORDS = {
    "en": _Words(
        numbers="one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
        "seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|dozen|"
        "hundreds|thousands|millions|billions|dozens|several|a few|a couple of|half a",
        moments="today|tomorrow|yesterday|tonight|noon|midnight|Christmas|Christmas Eve|Christmas Day|Easter|"
        "Thanksgiving|New Year's Eve|New Year's Day|New Year|Halloween|Valentine's Day|Independence Day|Labor Day|"
        "Memorial Day|Ramadan|Hanukkah|Diwali|this morning|this afternoon|this evening|last night|yesterday morning|"
        "tomorrow morning|tomorrow night|the weekend|this weekend|next weekend|last weekend",
        periods="seconds?|minutes?|hours?|days?|weeks?|fortnights?|months?|years?|decades?|centuries|century|quarters?|"
        "weekends?|semesters?|seasons?|mornings?|evenings?|nights?|springs?|summers?|autumns?|winters?",
        relative="last|next|this|past|previous|coming|each|every|early|late|mid|the past|the last|the next|"
        "earlier this|later this|the previous|the following|the same|end of|beginning of",
        ago="ago|later|earlier|from now",
        money="dollars?|bucks|cents?|euros?|pounds?|pence|yen|yuan|rupees?|francs?|pesos?|USD|EUR|GBP|rubles?",
        units="percent|per cent|percentage points?|kilometers?|kilometres?|km|meters?|metres?|m|cm|mm|miles?|feet|foot|"
        "ft|inches|inch|yards?|acres?|hectares?|square (?:feet|miles|meters|kilometers|metres)|kg|kilograms?|kilos?|"
        "grams?|g|mg|tons?|tonnes?|pounds|lbs?|ounces?|oz|liters?|litres?|gallons?|barrels?|degrees(?: (?:Celsius|"
        "Fahrenheit))?|°C|°F|mph|km/h|kph|volts?|watts?|kW|MW|GW|kWh|MB|GB|TB|KB|GHz|MHz|people|men|women|children|"
        "students|employees|workers|users|customers|members|soldiers|troops|points|goals|votes|times|jobs|copies|"
        "items|pages|words|seats|rooms|bedrooms|cars|units|shares|stars|passengers|deaths|cases|patients|countries|"
        "companies|stores|calories|boxes|bottles|cups|documents|files|episodes|songs|books",
        scale="hundred|thousand|million|billion|trillion|bn|mn",
        of="of",
        approximately="about|around|nearly|almost|over|more than|less than|at least|approximately|up to|under|some",
    ),
    "es": _Words(
        numbers="uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|treinta|cuarenta|"
        "cincuenta|cien|cientos|mil|miles",
        moments="hoy|mañana|ayer|anoche|anteayer|Navidad|Nochebuena|Nochevieja|Semana Santa|esta mañana|esta tarde|"
        "esta noche",
        periods="segundos?|minutos?|horas?|días?|semanas?|mes|meses|años?|décadas?|siglos?|trimestres?",
        relative="último|última|últimos|últimas|próximo|próxima|este|esta|cada|el pasado|la pasada",
        ago="después|antes|pasado|pasada|próximo|próxima|que viene",
        money="dólares|dólar|euros?|libras|yenes|pesos?|céntimos?",
        units="por ciento|kilómetros?|km|metros?|m|cm|kilos?|kg|gramos?|g|toneladas?|litros?|hectáreas?|grados|°C|"
        "personas|hombres|mujeres|niños|habitantes|empleados|trabajadores|alumnos|puntos|goles|votos|veces",
        scale="mil|millón|millones|mil millones|billones",
        of="de|del",
        approximately="unos|unas|casi|más de|menos de|alrededor de|aproximadamente",
    ),
    "fr": _Words(
        numbers="un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|quarante|cinquante|"
        "soixante|cent|cents|mille",
        moments="aujourd['’]hui|demain|hier|avant-hier|Noël|Pâques|ce matin|ce soir|cette nuit|midi|minuit",
        periods="secondes?|minutes?|heures?|jours?|semaines?|mois|ans?|années?|décennies?|siècles?|trimestres?",
        relative="ce|cet|cette|chaque|dernier|dernière|prochain|prochaine",
        ago="plus tard|auparavant|dernier|dernière|prochain|prochaine|passé|passée",
        money="dollars?|euros?|livres|yens?|francs?|centimes?",
        units="pour cent|pour-cent|kilomètres?|km|mètres?|m|cm|kilos?|kg|grammes?|g|tonnes?|litres?|hectares?|degrés|"
        "°C|personnes|hommes|femmes|enfants|habitants|employés|salariés|élèves|points|buts|voix|fois",
        scale="mille|million|millions|milliard|milliards",
        of="de|d['’]",
        approximately="environ|près de|plus de|moins de|presque|quelque",
    ),
    "de": _Words(
        numbers="eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig|vierzig|fünfzig|"
        "hundert|tausend|hunderte|tausende",
        moments="heute|morgen früh|gestern|vorgestern|übermorgen|Weihnachten|Ostern|Silvester|Neujahr|Pfingsten|"
        "heute Abend|heute Morgen|gestern Abend|Mitternacht",
        periods="Sekunden?|Minuten?|Stunden?|Tage?n?|Wochen?|Monate?n?|Monats|Jahre?n?|Jahrzehnte?n?|Jahrhunderts?|"
        "Quartals?",
        relative="letzten|letzte|letztes|letzter|nächsten|nächste|nächstes|nächster|diesen|diese|dieses|dieser|jeden|"
        "jedes|jede|vergangenen|vergangene|vergangenes|kommenden|kommende",
        ago="später|zuvor|vorher",
        money="Dollar|Euro|Pfund|Yen|Franken|Cent",
        units="Prozent|Kilometern?|km|Metern?|m|cm|Kilo|Kilogramm|kg|Gramm|g|Tonnen?|Litern?|Hektar|Grad(?: Celsius)?|"
        "°C|Personen|Menschen|Männer|Frauen|Kinder|Einwohner|Mitarbeiter|Beschäftigte|Schüler|Punkte|Tore|Stimmen|Mal",
        scale="Tausend|Million|Millionen|Milliarde|Milliarden|tausend|Mio|Mrd",
        of="",
        approximately="etwa|rund|fast|über|mehr als|weniger als|ungefähr|knapp|circa|ca\\.",
    ),
    "it": _Words(
        numbers="uno|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|quindici|venti|trenta|quaranta|"
        "cinquanta|cento|mille|centinaia|migliaia",
        moments="oggi|domani|ieri|dopodomani|stasera|stamattina|stanotte|Natale|Pasqua|Capodanno|Ferragosto",
        periods="secondi|secondo|minuti|minuto|ore|ora|giorni|giorno|settimane|settimana|mesi|mese|anni|anno|decenni|"
        "secoli|secolo|trimestre",
        relative="scorso|scorsa|prossimo|prossima|questo|questa|quest['’]|ogni|ultimo|ultima|ultimi|ultime",
        ago="fa|dopo|prima|scorso|scorsa|prossimo|prossima",
        money="dollari|dollaro|euro|sterline|yen|franchi|centesimi",
        units="per cento|percento|chilometri|chilometro|km|metri|metro|m|cm|chili|chilo|kg|grammi|g|tonnellate|litri|"
        "ettari|gradi|°C|persone|uomini|donne|bambini|abitanti|dipendenti|lavoratori|studenti|punti|gol|voti|volte",
        scale="mila|milione|milioni|miliardo|miliardi",
        of="di|del|dell['’]",
        approximately="circa|quasi|oltre|più di|meno di|almeno",
    ),
    "pt": _Words(
        numbers="dois|duas|três|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|quinze|vinte|trinta|quarenta|cinquenta|"
        "cem|cento|mil|milhares|centenas",
        moments="hoje|amanhã|ontem|anteontem|Natal|Páscoa|esta manhã|esta noite|esta tarde",
        periods="segundos?|minutos?|horas?|dias?|semanas?|mês|meses|anos?|décadas?|séculos?|trimestres?",
        relative="último|última|últimos|últimas|próximo|próxima|este|esta|neste|nesta|cada",
        ago="depois|antes|atrás|passado|passada|próximo|próxima|que vem",
        money="dólares|dólar|euros?|reais|real|libras|ienes|cêntimos|centavos",
        units="por cento|quilômetros?|quilómetros?|km|metros?|m|cm|quilos?|kg|gramas?|g|toneladas?|litros?|hectares?|"
        "graus|°C|pessoas|homens|mulheres|crianças|habitantes|funcionários|trabalhadores|alunos|pontos|gols|golos|"
        "votos|vezes",
        scale="mil|milhão|milhões|bilhão|bilhões",
        of="de|do",
        approximately="cerca de|quase|mais de|menos de|aproximadamente",
    ),
}
_MERIDIEM = r"\s?(?:[aApP][mM]\b|[aApP]\.[mM]\.)"
_TIME = rf"\d{{1,2}}(?::\d{{2}}){{1,2}}(?:{_MERIDIEM})?|\d{{1,2}}{_MERIDIEM}"
_NUMERIC_DATE = r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z?)?|\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d{2})"
_YEAR = r"(?:1[5-9]|20)\d{2}"
_COUNT = r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,5}(?!\d)(?:,\d{1,15})?|\d{1,15}(?:[.,]\d{1,15}){0,6})"


def dates(language: str, gazetteer: Gazetteer) -> re.Pattern[str]:
    """One expression for the dates, times and spans of time of a language."""
    words = _WORDS[language]
    # "may" and "mar" are words, "sun" too: a lower-case month or day counts where the language writes it so.
    months = _alternatives(gazetteer.months)
    days = _alternatives(name for name in gazetteer.days if len(name) > 3 or language == "en")
    of = rf"(?:\s(?:{words.of}))?" if words.of else ""
    day = r"\d{1,2}(?:st|nd|rd|th|er|º|ª|\.)?"
    count = rf"(?:{_COUNT}|{words.numbers})"
    return re.compile(
        rf"(?<![\w$€£])(?:{_NUMERIC_DATE}"
        rf"|(?:(?:{days})\.?,?\s)?{day}{of}\s(?:{months})\b\.?(?:,?{of}\s\d{{4}})?"
        rf"|(?:(?:{days}),?\s)?(?:{months})\b\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?!:)(?:,?\s\d{{4}})?"
        rf"|(?:{months})\b\.?,?{of}\s{_YEAR}"
        rf"|(?:(?:{words.relative})\s)(?:{_COUNT}\s|(?:{words.numbers})\s|few\s)?(?:{words.periods}|{days}|{months})"
        rf"|{count}[\s-](?:{words.periods})(?:\s(?:{words.ago}))?"
        rf"|(?:{words.moments})"
        rf"|(?:{_TIME})|(?:the\s)?(?:1[5-9]|20)?\d0['’]?s|{_YEAR}(?:[-–]\d{{2,4}})?(?![.,]\d)"
        rf"|(?:{days})|(?:{'|'.join(_long(gazetteer.months, language))}))(?![\w%])",
    )


def quantities(language: str) -> re.Pattern[str]:
    """One expression for numbers with a unit, money, percentages and plain numbers."""
    words = _WORDS[language]
    count = rf"(?:{_COUNT}|(?:{words.numbers})\b)"
    scale = rf"(?:[\s-]?(?:{words.scale})\b(?:(?<=Mio)\.|(?<=Mrd)\.)?)"
    link = rf"(?:\s(?:{words.of}))?" if words.of else ""
    return re.compile(
        rf"(?<![\w.,])(?:(?:{words.approximately})\s)?(?:"
        rf"(?:US|R|A|C|HK)?[$€£¥₹]\s?{_COUNT}(?:{scale}|[kKmMbB]\b|bn\b)?"
        rf"|{count}{scale}?{link}\s?(?:[€£$¥₹]|%|‰)"
        rf"|{count}{scale}?{link}[\s-](?:{words.money}|{words.units})\b"
        rf"|{count}{scale}"
        rf"|{_COUNT}(?:km|kg|cm|mm|mg|GB|MB|TB|GHz|MHz|mph|lbs?|ft|m|g|°[CF]|k)\b"
        rf"|{_COUNT}(?:st|nd|rd|th)?(?![\w%]|[.,:/-]\d))",
    )


def _alternatives(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in names)


def _long(names: Iterable[str], language: str) -> list[str]:
    # A month alone must not be a word of another kind: "May", "March" only in company.
    shy = {"en": {"May", "March"}, "it": {"marzo"}, "es": {"mayo"}, "fr": {"mars"}}.get(language, set())
    return [re.escape(name) for name in names if len(name) > 3 and name not in shy]
