"""Expressions for personal data: what shows by its form alone, and what a word before it gives away.

Owns the expressions, per language. Checksums are in `pii_numbers.py`, names, dates and addresses elsewhere. Every
repetition is bounded: time stays linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.endpoint.analyzers import pii_numbers as numbers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMS", "LABELS", "Form", "Label"]


@dataclass(frozen=True, slots=True)
class Form:
    """A kind that its form gives away: `accepts` is asked of what `pattern` matches; `hint` must be in the text."""

    kind: str
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] | None
    score: float
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A kind that a word before it gives away: `words` are alternatives of an expression."""

    kind: str
    words: str
    value: re.Pattern[str]
    accepts: Callable[[str], bool] | None = None
    score: float = 0.95


def _form(kind: str, pattern: str, accepts: Callable[[str], bool] | None, score: float, hint: str = "") -> Form:
    return Form(kind, re.compile(pattern), accepts, score, hint)


_NINO_NEVER = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")

FORMS: Final = (
    _form("EMAIL", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?<![-.])", None, 0.999, "@"),
    _form("URL", r"(?i:\bhttps?://|\bwww\.)[^\s<>\"')\]]{2,2000}(?<![.,;:!?])", None, 0.999, "."),
    _form("USERNAME", r"(?<![\w@.])@[A-Za-z]\w{2,30}\b(?!\.\w)", None, 0.9, "@"),
    _form("MAC_ADDRESS", r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])", None, 0.999),
    _form("IP_ADDRESS", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)", numbers.is_ip, 0.99, "."),
    _form("IP_ADDRESS", r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])", numbers.is_ip, 0.99, ":"),
    _form(
        "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
        r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?!\w)",
        numbers.is_iban,
        0.999,
    ),
    _form("CREDIT_DEBIT_NUMBER", r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-])", numbers.is_card, 0.995),
    _form("AWS_ACCESS_KEY", r"(?<!\w)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?!\w)", None, 0.999, "A"),
    _form("AWS_SECRET_KEY", r"(?<![\w/+=])[A-Za-z0-9/+]{40}(?![\w/+=])", numbers.is_secret, 0.97),
    _form(
        "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
        r"(?<![\w-])9\d{2}[- ](?:5\d|6[0-5]|7\d|8[0-8]|9[0-2]|9[4-9])[- ]\d{4}(?![\w-])",
        None,
        0.98,
    ),
    _form("SSN", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", numbers.is_ssn, 0.98),
    _form("CA_SOCIAL_INSURANCE_NUMBER",
          r"(?<![\w+-])(?<!\d )\d{3}[ -]\d{3}[ -]\d{3}(?![\w-]| \d)", numbers.is_luhn, 0.9),
    _form(
        "UK_NATIONAL_INSURANCE_NUMBER",
        r"(?<!\w)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)",
        lambda text: not text.startswith(_NINO_NEVER),
        0.98,
    ),
    _form("IN_PERMANENT_ACCOUNT_NUMBER", r"(?<!\w)[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?!\w)", None, 0.98),
    _form("IN_NREGA", r"(?<!\w)[A-Z]{2}-\d{2}-\d{3}-\d{3}-\d{3}/\d{1,4}(?!\w)", None, 0.98, "/"),
    _form("IN_AADHAAR", r"(?<![\w-])(?<!\d )\d{4}[ -]\d{4}[ -]\d{4}(?![\w-]| \d)", numbers.is_aadhaar, 0.96),
    _form(
        "VEHICLE_IDENTIFICATION_NUMBER", r"(?<!\w)(?=[A-Z0-9]*[A-Z])[A-HJ-NPR-Z0-9]{17}(?!\w)", numbers.is_vin, 0.97
    ),
    _form(
        "PHONE",
        r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?|00\d{1,2}[ .-])?(?:\(\d{2,4}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}"
        r"(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w-]|\.\d)",
        None,
        0.95,
    ),
    _form("PHONE",
          r"(?<![\w.+-])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w-])", None, 0.96),
)  # fmt: skip
"""What shows by its form alone, in any language."""


def _label(
    kind: str, words: str, value: str, accepts: Callable[[str], bool] | None = None, score: float = 0.95
) -> Label:
    return Label(kind, words, re.compile(value), accepts, score)


_PHONE = r"\+?\(?\d(?:[ .()-]{0,2}\d){6,14}(?: ?(?:x|ext\.?) ?\d{1,6})?(?!\w)"
_NINE = r"\d{3}[ .-]?\d{3}[ .-]?\d{3}(?!\w)"
_LICENCE = r"[A-Z0-9](?:[ -]?[A-Z0-9]){4,19}(?!\w)"
_PLATE = r"(?-i:[A-Z0-9]{1,4}(?:[ -][A-Z0-9]{1,6}){1,2}|[A-Z0-9]{4,8})(?!\w)"
_USER = r"[A-Za-z0-9][\w.-]{2,31}(?<![.-])"
_ENTRY = r"[^\s\"”'’]{4,64}(?<![.,;:!?)])"
_AGE = r"\d{1,3}(?!\w|[.,:/]\d)(?:[ -](?:years?|months?|años|meses)\b)?"

_SHARED = (
    _label("PIN", r"(?-i:PIN)", r"\d{4,6}(?!\w)"),
    _label("CREDIT_DEBIT_CVV", r"cvv2?|cvc2?|csc", r"\d{3,4}(?!\w)"),
    _label("SWIFT_CODE", r"swift(?:/bic)?|bic", r"(?-i:[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?!\w)"),
    _label("AWS_SECRET_KEY", r"secret(?: access)? key|aws_secret_access_key", r"[A-Za-z0-9/+=]{40}(?![\w/+=])"),
    _label("IN_AADHAAR", r"aadhaar|uidai", r"\d{4}[ -]?\d{4}[ -]?\d{4}(?!\w)", None, 0.98),
    _label("IN_VOTER_NUMBER", r"voter(?:'?s)?(?: id| card)?|epic", r"(?-i:[A-Z]{3}/?\d{7})(?!\w)"),
    _label("UK_NATIONAL_HEALTH_SERVICE_NUMBER", r"nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}(?!\w)", numbers.is_nhs, 0.98),
    _label(
        "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER", r"utr|unique taxpayer(?: reference)?",
        r"\d{5} ?\d{5}(?!\w)", None, 0.97),
    _label("CA_SOCIAL_INSURANCE_NUMBER", r"(?-i:SIN)|social insurance", _NINE, None, 0.98),
    _label("SSN", r"ssn|social security", r"\d{3}[ -]?\d{2}[ -]?\d{4}(?!\w)", numbers.is_ssn, 0.985),
    _label("BANK_ROUTING", r"routing(?: transit)?|aba|rtn", r"\d{9}(?!\w)", numbers.is_routing, 0.98),
    _label("VEHICLE_IDENTIFICATION_NUMBER", r"vin|vehicle identification|chassis|bastidor",
           r"[A-HJ-NPR-Z0-9]{17}(?!\w)"),
)  # fmt: skip

LABELS: Final = {
    "en": (
        *_SHARED,
        _label("CREDIT_DEBIT_CVV", r"security code|card verification(?: value| code)?", r"\d{3,4}(?!\w)"),
        _label(
            "CREDIT_DEBIT_EXPIRY",
            r"exp|expir(?:y|es|ed|ation|ing)(?: date| on)?|valid (?:thru|through|until|to)|good (?:thru|through)",
            r"(?:0[1-9]|1[0-2]) ?[/-] ?(?:\d{4}|\d{2})(?![\w/-])",
            None,
            0.99,
        ),
        _label(
            "BANK_ACCOUNT_NUMBER",
            r"(?:bank |checking |savings |current )?(?:account|acct|a/c)",
            r"\d(?:[ -]?\d){5,16}(?!\w)",
        ),
        _label("PASSPORT_NUMBER", r"passport", r"(?-i:[A-Z]{0,3})\d{6,9}(?-i:[A-Z]?)(?!\w)"),
        _label(
            "DRIVER_ID",
            r"driver['’]?s?['’]? licen[cs]e|driving licen[cs]e|driver id|(?-i:DL)",
            _LICENCE,
            numbers.mixes,
        ),
        _label(
            "LICENSE_PLATE",
            r"licen[cs]e plate|number plate|plates?|(?:vehicle|car) registration|registered as",
            _PLATE,
            numbers.on_a_plate,
        ),
        _label("CA_HEALTH_NUMBER", r"health(?: card| insurance)?|ohip|phn|msp",
               r"\d{4}[ -]?\d{3}[ -]?\d{3}(?:[ -]?[A-Z]{2})?(?!\w)"),
        _label("PHONE", r"phone|tel|telephone|mobile|cell|cellphone|fax|"
               r"call(?: me| us| him| her)?(?: at| on)?|called from|(?:reach|text)(?: me| us| him| her)?(?: at| on)?|"
               r"whatsapp|dial|ring", _PHONE, None, 0.94),
        _label("USERNAME", r"user ?names?|user id|login|log(?:ged)? in as|signed in as|sign in as|screen name",
               _USER, None, 0.93),
        _label("PASSWORD", r"password|passcode|passphrase|pass ?word|pwd", _ENTRY, None, 0.94),
        _label("AGE", r"aged?", _AGE, None, 0.96),
    ),
    "es": (
        *_SHARED,
        _label("CREDIT_DEBIT_CVV", r"c[óo]digo de seguridad", r"\d{3,4}(?!\w)"),
        _label("PIN", r"c[óo]digo pin|clave pin", r"\d{4,6}(?!\w)"),
        _label(
            "CREDIT_DEBIT_EXPIRY",
            r"caduca(?: en| el)?|caducidad|vence(?: en| el)?|vencimiento|v[áa]lid[ao] hasta",
            r"(?:0[1-9]|1[0-2]) ?[/-] ?(?:\d{4}|\d{2})(?![\w/-])",
            None,
            0.99,
        ),
        _label("BANK_ACCOUNT_NUMBER", r"cuenta(?: bancaria| corriente| de ahorros)?", r"\d(?:[ -]?\d){5,19}(?!\w)"),
        _label("PASSPORT_NUMBER", r"pasaporte", r"(?-i:[A-Z]{0,3})\d{6,9}(?-i:[A-Z]?)(?!\w)"),
        _label(
            "DRIVER_ID", r"(?:permiso|licencia|carn[eé]) de conducir|licencia de manejo", _LICENCE, numbers.mixes
        ),
        _label("LICENSE_PLATE", r"matr[íi]cula|placas?", _PLATE, numbers.on_a_plate),
        _label(
            "PHONE",
            r"tel[ée]fono|tel|m[óo]vil|celular|fax|ll[áa]me(?:me|nos|n)?(?: al?)?|llamar(?:me)?(?: al?)?|"
            r"ll[áa]mame(?: al?)?|whatsapp",
            _PHONE,
            None,
            0.94,
        ),
        _label("USERNAME", r"(?:nombre de )?usuari[oa]", _USER, None, 0.93),
        _label("PASSWORD", r"contrase[ñn]a|clave(?: de acceso)?", _ENTRY, None, 0.94),
        _label("AGE", r"edad", _AGE, None, 0.96),
    ),
}  # fmt: skip
"""Language -> what a word before it gives away."""
