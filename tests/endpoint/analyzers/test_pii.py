"""Personal data: what shows by its form, what a word gives away, and what only looks like it."""

from __future__ import annotations

import pytest

from runner.endpoint import analyzers
from runner.endpoint.analyzers import pii_numbers
from runner.endpoint.options import Options, options_of, redacted

ANALYZE = analyzers.load("pii_entities")


def found(text: str, language: str = "en") -> list[tuple[str, str]]:
    return [(text[row["BeginOffset"] : row["EndOffset"]], row["Type"]) for row in ANALYZE(text, language)["Entities"]]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Write to jane.doe+x@example.co.uk.", "EMAIL", "jane.doe+x@example.co.uk"),
        ("See https://example.com/a?b=1.", "URL", "https://example.com/a?b=1"),
        ("It is 10.0.0.255, they say", "IP_ADDRESS", "10.0.0.255"),
        ("It is 2001:db8::1 here", "IP_ADDRESS", "2001:db8::1"),
        ("at 00:1B:44:11:3a:b7", "MAC_ADDRESS", "00:1B:44:11:3a:b7"),
        ("card 4111 1111 1111 1111", "CREDIT_DEBIT_NUMBER", "4111 1111 1111 1111"),
        ("expires 09/27", "CREDIT_DEBIT_EXPIRY", "09/27"),
        ("the cvv is 123", "CREDIT_DEBIT_CVV", "123"),
        ("SSN 536-22-1234", "SSN", "536-22-1234"),
        ("ITIN 912-78-1234", "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "912-78-1234"),
        ("IBAN DE89 3704 0044 0532 0130 00", "INTERNATIONAL_BANK_ACCOUNT_NUMBER", "DE89 3704 0044 0532 0130 00"),
        ("BIC: DEUTDEFF500", "SWIFT_CODE", "DEUTDEFF500"),
        ("routing number 021000021", "BANK_ROUTING", "021000021"),
        ("account number is 1234567890", "BANK_ACCOUNT_NUMBER", "1234567890"),
        ("passport no. X12345678", "PASSPORT_NUMBER", "X12345678"),
        ("driver's license D1234567", "DRIVER_ID", "D1234567"),
        ("license plate 7ABC123", "LICENSE_PLATE", "7ABC123"),
        ("it was 1M8GDM9AXKP042788", "VEHICLE_IDENTIFICATION_NUMBER", "1M8GDM9AXKP042788"),
        ("key AKIAIOSFODNN7EXAMPLE", "AWS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE"),
        ("x wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("NINO AB 12 34 56 C", "UK_NATIONAL_INSURANCE_NUMBER", "AB 12 34 56 C"),
        ("NHS number 943 476 5919", "UK_NATIONAL_HEALTH_SERVICE_NUMBER", "943 476 5919"),
        ("UTR 12345 67890", "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER", "12345 67890"),
        ("SIN 046 454 286", "CA_SOCIAL_INSURANCE_NUMBER", "046 454 286"),
        ("OHIP 1234-567-890-AB", "CA_HEALTH_NUMBER", "1234-567-890-AB"),
        ("PAN ABCPK1234L", "IN_PERMANENT_ACCOUNT_NUMBER", "ABCPK1234L"),
        ("Aadhaar 2341 2341 2346", "IN_AADHAAR", "2341 2341 2346"),
        ("voter id ABC1234567", "IN_VOTER_NUMBER", "ABC1234567"),
        ("card WB-08-012-002-003/155", "IN_NREGA", "WB-08-012-002-003/155"),
        ("username jsmith42", "USERNAME", "jsmith42"),
        ("password: hunter2!x", "PASSWORD", "hunter2!x"),
        ("PIN 1234", "PIN", "1234"),
        ("call (555) 123-4567 x12", "PHONE", "(555) 123-4567 x12"),
        ("she is 40 years old", "AGE", "40 years"),
        ("a 7-year-old", "AGE", "7-year"),
        ("on March 3, 1980 we", "DATE_TIME", "March 3, 1980"),
        ("at 12 Main Street, Springfield, IL 62701.", "ADDRESS", "12 Main Street, Springfield, IL 62701"),
        ("Hello, I am Jane Doe.", "NAME", "Jane Doe"),
        ("Dear Łucja Wójcik,", "NAME", "Łucja Wójcik"),
    ],
)
def test_english_kinds(text: str, kind: str, value: str):
    assert (value, kind) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "The order number is 48213 and the price was $59.99.",
        "card 4111 1111 1111 1112",
        "number 000-12-3456",
        "version 1.2.3.400",
        "Please reset the password before the next login.",
        "The username is required.",
        "The battery lasts 12 hours.",
        "The New York Times reported on Machine Learning.",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4",
        "Dear Customer, the account is overdrawn.",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str):
    assert found(text) == []


def test_spanish():
    text = "Me llamo María García, tengo 40 años y vivo en Calle Mayor 5, 28013 Madrid. Mi móvil es 612 345 678."
    assert found(text, "es") == [
        ("María García", "NAME"),
        ("40 años", "AGE"),
        ("Calle Mayor 5, 28013 Madrid", "ADDRESS"),
        ("612 345 678", "PHONE"),
    ]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (pii_numbers.is_luhn, "79927398713", "79927398710"),
        (pii_numbers.is_iban, "GB82WEST12345698765432", "GB82WEST12345698765431"),
        (pii_numbers.is_routing, "021000021", "021000022"),
        (pii_numbers.is_vin, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
        (pii_numbers.is_nhs, "9434765919", "9434765918"),
        (pii_numbers.is_aadhaar, "234123412346", "234123412347"),
        (pii_numbers.is_ssn, "536-22-1234", "666-22-1234"),
        (pii_numbers.is_ip, "::ffff:1.2.3.4", "1.2.3.256"),
    ],
)
def test_check_digits(check: object, good: str, bad: str):
    assert check(good)  # type: ignore[operator]
    assert not check(bad)  # type: ignore[operator]


ENTITY = {"Type": "NAME", "BeginOffset": 0, "EndOffset": 8, "Score": 1.0}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(redact=True), "[NAME] 😀"),
        (Options(redact=True, mask="*"), "**** *** 😀"),
        (Options(redact=True, mask="*", mask_blanks=True), "******** 😀"),
    ],
)
def test_masks(options: Options, expected: str):
    assert redacted("Jane Doe 😀", [ENTITY], options) == expected


def test_overlapping_finds_are_masked_once():
    inner = ENTITY | {"BeginOffset": 5, "EndOffset": 9, "Type": "X"}
    assert redacted("Jane Does it", [inner, ENTITY, ENTITY | {"EndOffset": 4}], Options(mask="#")) == "#### #### it"


def test_options_come_from_the_members_of_a_start():
    config = {"PiiEntityTypes": ["ALL", "NAME"], "MaskMode": "MASK"}
    assert options_of({"Mode": "ONLY_REDACTION", "RedactionConfig": config}) == Options(redact=True, mask="*")
    assert options_of({"Mode": "ONLY_OFFSETS"}) == Options()
    assert options_of({"TargetEventTypes": ["IPO"]}) == Options(types=("IPO",))
    assert options_of({"NumberOfTopics": 3}).topics == 3
