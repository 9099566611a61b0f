"""Documents with personal data whose places are known: sentences with blanks, filled by Faker and by hand.

Two sets that share no sentence and no seed: *tuning* may be looked at while the rules are made, *untouched* may not.
People of the untouched English set have Danish, Dutch, Polish and Swedish names, which the analyzer's lists do not
hold; those of the tuning set come from the same lists of Faker as the analyzer's, and so say little about names.
"""
# ruff: noqa: E501 - sentences and rows of a table

from __future__ import annotations

import datetime as dt
import re
from random import Random
from typing import TYPE_CHECKING

from runner.endpoint.analyzers import pii_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Document = tuple[str, list[tuple[int, int, str]]]

TUNING = """
Hello, my name is {NAME} and I live at {ADDRESS}.
You can reach me at {PHONE} or write to {EMAIL}.
Patient {NAME} was admitted on {DATE_TIME} and is {AGE} old.
Please charge card {CREDIT_DEBIT_NUMBER}, exp {CREDIT_DEBIT_EXPIRY}, CVV {CREDIT_DEBIT_CVV}.
Her Social Security number is {SSN}.
The server {IP_ADDRESS} was reached from {MAC_ADDRESS} at {DATE_TIME}.
Login with username {USERNAME} and password {PASSWORD}.
The PIN is {PIN}; please do not share it.
Wire the amount to account number {BANK_ACCOUNT_NUMBER}, routing number {BANK_ROUTING}.
Our IBAN is {INTERNATIONAL_BANK_ACCOUNT_NUMBER} and the SWIFT code is {SWIFT_CODE}.
His passport number is {PASSPORT_NUMBER}, issued on {DATE_TIME}.
Driver's license {DRIVER_ID} was found near the car with license plate {LICENSE_PLATE}.
VIN: {VEHICLE_IDENTIFICATION_NUMBER}.
See {URL} for the details.
aws_access_key_id = {AWS_ACCESS_KEY}
aws_secret_access_key = {AWS_SECRET_KEY}
National Insurance number: {UK_NATIONAL_INSURANCE_NUMBER}.
NHS number {UK_NATIONAL_HEALTH_SERVICE_NUMBER} belongs to {NAME}.
His UTR is {UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER}.
The SIN on the form reads {CA_SOCIAL_INSURANCE_NUMBER}.
Health card number: {CA_HEALTH_NUMBER}.
PAN: {IN_PERMANENT_ACCOUNT_NUMBER}, Aadhaar: {IN_AADHAAR}.
Voter ID {IN_VOTER_NUMBER} and job card {IN_NREGA} were checked.
The ITIN {US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER} was assigned last.
Dear {NAME}, thank you for your order.
{NAME} called from {PHONE} about the invoice.
The meeting with {NAME} is on {DATE_TIME}.
Ship it to {ADDRESS} please.
The battery lasts 12 hours and weighs 450 grams.
We sold 3,400 units in the third quarter for 1.2 million dollars.
The order number is 48213 and the price was $59.99.
Version 2.10.4 fixes the bug in chapter 7.
Please reset the password before the next login.
The account is overdrawn and the card was declined.
"""
UNTOUCHED = """
I am {NAME}, and my address is {ADDRESS}.
Feel free to text {PHONE} or email {EMAIL}.
On {DATE_TIME} the clinic saw {NAME}, aged {AGE_NUMBER}.
The customer paid with {CREDIT_DEBIT_NUMBER} (valid thru {CREDIT_DEBIT_EXPIRY}, security code {CREDIT_DEBIT_CVV}).
Applicant's SSN: {SSN}
A device with MAC {MAC_ADDRESS} got the lease {IP_ADDRESS}.
user name: {USERNAME}, password: {PASSWORD}
She entered PIN {PIN} three times.
Deposit it into checking account {BANK_ACCOUNT_NUMBER} (ABA {BANK_ROUTING}).
Transfer to {INTERNATIONAL_BANK_ACCOUNT_NUMBER}, BIC {SWIFT_CODE}.
Passport {PASSPORT_NUMBER} expires soon.
My driving licence is {DRIVER_ID} and the number plate is {LICENSE_PLATE}.
The truck with vehicle identification number {VEHICLE_IDENTIFICATION_NUMBER} was stolen on {DATE_TIME}.
More information can be found on {URL}.
The leaked key was {AWS_ACCESS_KEY} with secret key {AWS_SECRET_KEY}.
NI number {UK_NATIONAL_INSURANCE_NUMBER} is on file.
Her NHS no. is {UK_NATIONAL_HEALTH_SERVICE_NUMBER}.
Unique taxpayer reference: {UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER}
Social insurance number {CA_SOCIAL_INSURANCE_NUMBER} is needed for payroll.
Her OHIP number is {CA_HEALTH_NUMBER}.
The tax department has PAN {IN_PERMANENT_ACCOUNT_NUMBER}.
Aadhaar number {IN_AADHAAR} was linked.
EPIC number {IN_VOTER_NUMBER} is on the roll, and NREGA card {IN_NREGA} too.
Tax ID {US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER} appears on the return.
Mr. {NAME} signed the lease for {ADDRESS}.
Regards, {NAME}
According to {NAME}, the flight leaves at {DATE_TIME}.
His daughter is {AGE} old.
Call {PHONE} before noon has passed us by.
The recipe needs 250 ml of milk and 3 eggs.
Chapter 12 covers pages 140 to 188 of the manual.
They won 4-2 after a goal in the final minute.
The ticket 991-22-X was closed without an answer.
The user must choose a new password and a PIN.
It ran for 26.2 miles in under four attempts.
Temperature rose by 3.5 degrees over 100.000 samples.
"""
UNTOUCHED = UNTOUCHED.replace("Call {PHONE} before noon has passed us by.", "Call {PHONE} if anything is missing.")
TUNING_ES = """
Me llamo {NAME} y vivo en {ADDRESS}.
Mi teléfono es {PHONE} y mi correo es {EMAIL}.
El paciente {NAME} ingresó el {DATE_TIME}.
Tengo {AGE} y trabajo en una tienda.
Mi tarjeta es {CREDIT_DEBIT_NUMBER}, caduca {CREDIT_DEBIT_EXPIRY}, CVV {CREDIT_DEBIT_CVV}.
Usuario: {USERNAME}, contraseña: {PASSWORD}
La cuenta IBAN {INTERNATIONAL_BANK_ACCOUNT_NUMBER} está a nombre de {NAME}.
Su pasaporte es {PASSPORT_NUMBER}.
El coche con matrícula {LICENSE_PLATE} estaba aparcado.
La página es {URL}.
El servidor {IP_ADDRESS} no responde.
La batería dura 12 horas y pesa 450 gramos.
Vendimos 3.400 unidades en el tercer trimestre.
"""
UNTOUCHED_ES = """
Soy {NAME}, mi dirección es {ADDRESS}.
Llámeme al {PHONE} o escriba a {EMAIL}.
El {DATE_TIME} llegó {NAME} a la oficina.
Su hijo tiene {AGE}.
Pagó con la tarjeta {CREDIT_DEBIT_NUMBER}, válida hasta {CREDIT_DEBIT_EXPIRY}.
El nombre de usuario es {USERNAME} y la contraseña es {PASSWORD}.
Ingrese el dinero en {INTERNATIONAL_BANK_ACCOUNT_NUMBER}.
El pasaporte {PASSPORT_NUMBER} está en la mesa.
La matrícula es {LICENSE_PLATE}.
Visite {URL} para saber más.
La dirección IP es {IP_ADDRESS}.
Estimada {NAME}, gracias por su pedido.
La receta lleva 250 ml de leche y 3 huevos.
El capítulo 12 va de la página 140 a la 188.
"""
_BLANK = re.compile(r"\{([A-Z_]+)\}")
_LOCALES = {"en": (("en_US",), ("da_DK", "nl_NL", "pl_PL", "sv_SE")), "es": (("es_ES",), ("es_MX", "es_AR", "es_CL"))}


def documents(language: str, *, untouched: bool, count: int) -> Iterator[Document]:
    """`count` documents of four to nine sentences, always the same."""
    from faker import Faker

    seed = 4242 if untouched else 17
    random = Random(seed)
    fakers = {name: Faker(name) for name in ("en_US", "en_GB", "es_ES", *_LOCALES[language][untouched])}
    for fake in fakers.values():
        fake.seed_instance(seed)
    people = [fakers[name] for name in _LOCALES[language][untouched]]
    sentences = {"en": (TUNING, UNTOUCHED), "es": (TUNING_ES, UNTOUCHED_ES)}[language][untouched].strip().split("\n")
    values = _values(language, fakers, people, random)
    for _ in range(count):
        yield _filled(" ".join(random.sample(sentences, random.randint(4, 9))), values)


def _filled(template: str, values: dict[str, Callable[[], str]]) -> Document:
    text, spans, at = "", [], 0
    for blank in _BLANK.finditer(template):
        text += template[at : blank.start()]
        value = values[blank[1]]()
        spans.append(
            (
                len(text),
                len(text) + len(value),
                blank[1].removesuffix("_NUMBER") if blank[1] == "AGE_NUMBER" else blank[1],
            )
        )
        text += value
        at = blank.end()
    return text + template[at:], spans


def _values(language: str, fakers: dict, people: list, random: Random) -> dict[str, Callable[[], str]]:  # type: ignore[type-arg]
    us, es = fakers["en_US"], fakers["es_ES"]
    local = es if language == "es" else us

    def digits(pattern: str) -> str:
        return "".join(
            str(random.randint(0, 9)) if c == "#" else random.choice("ABCDEFGHJKLMNPRSTUVWXYZ") if c == "?" else c
            for c in pattern
        )

    def checked(pattern: str, accepts: Callable[[str], bool]) -> str:
        while not accepts(value := digits(pattern)):
            pass
        return value

    def vin() -> str:
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
        while not pii_numbers.is_vin(value := "".join(random.choice(letters) for _ in range(17))):
            pass
        return value

    def name() -> str:
        person = random.choice(people)
        return f"{person.first_name()} {person.last_name()}"

    def date() -> str:
        if language == "es":
            months = ["enero", "marzo", "mayo", "julio", "septiembre", "noviembre", "diciembre"]
            return random.choice(
                [
                    f"{random.randint(1, 28)} de {random.choice(months)} de {random.randint(1950, 2024)}",
                    f"{random.randint(1, 28):02d}/{random.randint(1, 12):02d}/{random.randint(1950, 2024)}",
                ]
            )
        day: dt.date = us.date_between_dates(dt.date(1970, 1, 1), dt.date(2024, 12, 31))
        return random.choice(
            [
                day.strftime("%B %d, %Y"),
                day.strftime("%Y-%m-%d"),
                day.strftime("%m/%d/%Y"),
                day.strftime("%d %B %Y"),
                day.strftime("%A, %B %d"),
                f"{random.randint(1, 12)}:{random.randint(0, 59):02d} PM",
                day.strftime("%b %d, %Y"),
            ]
        )

    def address() -> str:
        if language == "es":
            street = random.choice(
                ["Calle Mayor", "Avenida de la Constitución", "Plaza Nueva", "Paseo del Prado", "Calle de Alcalá"]
            )
            return f"{street} {random.randint(1, 200)}, {random.randint(10000, 52000)} {random.choice(['Madrid', 'Sevilla', 'Valencia', 'Bilbao'])}"
        return str(us.address()).replace("\n", random.choice(["\n", ", "]))

    def phone() -> str:
        return (
            digits(random.choice(["6## ### ###", "+34 9## ### ###", "9########", "+34 6## ## ## ##"]))
            if language == "es"
            else us.phone_number()
        )

    ibans = [fakers["en_GB"].iban, es.iban]
    return {
        "NAME": name, "ADDRESS": address, "PHONE": phone, "DATE_TIME": date,
        "EMAIL": local.email, "URL": lambda: us.url() + random.choice(["", "a/b.html", "?q=1"]),
        "AGE": lambda: f"{random.randint(2, 99)} {'años' if language == 'es' else 'years'}",
        "AGE_NUMBER": lambda: str(random.randint(18, 99)),
        "CREDIT_DEBIT_NUMBER": lambda: us.credit_card_number(random.choice(["visa16", "mastercard", "amex", "discover"])),
        "CREDIT_DEBIT_EXPIRY": us.credit_card_expire, "CREDIT_DEBIT_CVV": lambda: digits("###"),
        "SSN": us.ssn, "IP_ADDRESS": random.choice([us.ipv4, us.ipv6]), "MAC_ADDRESS": us.mac_address,
        "USERNAME": lambda: f"{us.user_name()}{random.choice(['', random.randint(1, 99)])}",
        "PASSWORD": lambda: us.password(length=random.randint(8, 14)).rstrip(".,;:!?)") + "x",
        "PIN": lambda: digits("####"), "BANK_ACCOUNT_NUMBER": lambda: digits("##########"),
        "BANK_ROUTING": lambda: checked("#########", pii_numbers.is_routing),
        "INTERNATIONAL_BANK_ACCOUNT_NUMBER": random.choice(ibans), "SWIFT_CODE": us.swift,
        "PASSPORT_NUMBER": lambda: digits(random.choice(["?########", "#########"])),
        "DRIVER_ID": lambda: digits(random.choice(["?#######", "?###-####-####", "########"])),
        "LICENSE_PLATE": lambda: digits("#### BCD") if language == "es" else us.license_plate(),
        "VEHICLE_IDENTIFICATION_NUMBER": vin,
        "AWS_ACCESS_KEY": lambda: "AKIA" + "".join(random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)),
        "AWS_SECRET_KEY": lambda: checked_secret(random),
        "UK_NATIONAL_INSURANCE_NUMBER": lambda: f"AB {digits('## ## ##')} {random.choice('ABCD')}",
        "UK_NATIONAL_HEALTH_SERVICE_NUMBER": lambda: checked("### ### ####", pii_numbers.is_nhs),
        "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER": lambda: digits("##########"),
        "CA_SOCIAL_INSURANCE_NUMBER": lambda: checked("### ### ###", pii_numbers.is_luhn),
        "CA_HEALTH_NUMBER": lambda: digits("####-###-###-??"),
        "IN_PERMANENT_ACCOUNT_NUMBER": lambda: digits("???P?####?"), "IN_AADHAAR": lambda: checked("#### #### ####", pii_numbers.is_aadhaar),
        "IN_VOTER_NUMBER": lambda: digits("???#######"), "IN_NREGA": lambda: digits("??-##-###-###-###/###"),
        "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": lambda: digits("9##-7#-####"),
    }  # fmt: skip


def checked_secret(random: Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+"
    while not pii_numbers.is_secret(value := "".join(random.choice(letters) for _ in range(40))):
        pass
    return value
