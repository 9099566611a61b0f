"""Check digits and other rules that tell a real number from a row of digits; pure arithmetic.

Each takes the characters as they stand in the text, separators included, and answers whether they can be what they
look like. Sources are the published definitions: ISO/IEC 7812 (Luhn), ISO 13616 (IBAN), ABA routing numbers, ISO 3779
(VIN), the NHS's modulus 11, Verhoeff's dihedral check (Aadhaar), the SSA's and IRS's ranges.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

__all__ = [
    "is_aadhaar", "is_card", "is_iban", "is_ip", "is_luhn", "is_nhs", "is_routing", "is_secret", "is_ssn", "is_vin",
    "mixes", "on_a_plate",
]  # fmt: skip

_CARD: Final = re.compile(r"(?:4|5[1-5]|2[2-7]|3[47]|3[068]|35|6)\d{11,18}")
_VIN: Final = {**{str(n): n for n in range(10)}, **dict(zip("ABCDEFGH", range(1, 9), strict=True))} | dict(
    zip("JKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_FIVE: Final = 5


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if char.isascii() and char.isdigit()]


def is_luhn(text: str) -> bool:
    """Whether the last digit is the Luhn check of those before."""
    total = 0
    for at, digit in enumerate(reversed(_digits(text))):
        doubled = digit * 2 if at % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_card(text: str) -> bool:
    """A payment card: an issuer's prefix, 12 to 19 digits, Luhn."""
    return _CARD.fullmatch("".join(map(str, _digits(text)))) is not None and is_luhn(text)


def is_iban(text: str) -> bool:
    """An International Bank Account Number: modulus 97."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if not 15 <= len(plain) <= 34 or not plain.isascii() or not plain.isalnum():
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_routing(text: str) -> bool:
    """A routing number of an American bank: nine digits, weights 3, 7, 1."""
    digits = _digits(text)
    return len(digits) == 9 and sum(d * w for d, w in zip(digits, (3, 7, 1) * 3, strict=True)) % 10 == 0


def is_ssn(text: str) -> bool:
    """A Social Security number that may have been issued: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    digits = "".join(map(str, _digits(text)))
    if len(digits) != 9:
        return False
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def is_vin(text: str) -> bool:
    """A vehicle identification number with the check digit that North America asks for."""
    plain = text.upper()
    if len(plain) != 17 or any(char not in _VIN for char in plain):
        return False
    rest = sum(_VIN[char] * weight for char, weight in zip(plain, _VIN_WEIGHTS, strict=True)) % 11
    return plain[8] == ("X" if rest == 10 else str(rest))


def is_nhs(text: str) -> bool:
    """A number of the British health service: ten digits, modulus 11."""
    digits = _digits(text)
    if len(digits) != 10:
        return False
    check = 11 - sum(d * w for d, w in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return check % 11 == digits[9] and check != 10


def is_aadhaar(text: str) -> bool:
    """An Indian Aadhaar: twelve digits, none of 0 and 1 first, Verhoeff."""
    digits = _digits(text)
    if len(digits) != 12 or digits[0] < 2:
        return False
    check = 0
    for at, digit in enumerate(reversed(digits)):
        check = _dihedral(check, _permuted(digit, at % 8))
    return check == 0


def _dihedral(a: int, b: int) -> int:
    """The product in the symmetries of a pentagon."""
    if a < _FIVE:
        return (a + b) % 5 if b < _FIVE else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < _FIVE else (a - b) % 5


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def is_ip(text: str) -> bool:
    """An address of the Internet Protocol, version 4 or 6."""
    try:
        if ":" in text:
            return len(IPv6Address(text).exploded) > 0 and text.count(":") > 1
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def is_secret(text: str) -> bool:
    """Forty characters as of a secret key: large, small and digits, which no digest in hexadecimal has."""
    return any(c.isupper() for c in text) and any(c.islower() for c in text) and any(c.isdigit() for c in text)


def mixes(text: str) -> bool:
    """Whether there is a digit in it."""
    return any(char.isdigit() for char in text)


def on_a_plate(text: str) -> bool:
    """Whether a car may bear it: four to eight letters and digits, some of each or digits alone."""
    plain = re.sub(r"[\s-]", "", text)
    return 4 <= len(plain) <= 8 and mixes(plain) and plain.upper() == plain
