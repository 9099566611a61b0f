"""Targeted sentiment and events: who is meant, what is felt about them, and what they did."""

from __future__ import annotations

from typing import Any

import pytest

from runner.endpoint import analyzers
from runner.endpoint.analyzers.mentions import Mention, grouped, pronouns
from runner.endpoint.options import Options, fitted

TARGETED = analyzers.load("targeted_sentiment")
EVENTS = analyzers.load("events")


def feelings(text: str) -> dict[str, str]:
    entities: Any = TARGETED(text, "en")["Entities"]
    return {each["Text"]: each["MentionSentiment"]["Sentiment"] for one in entities for each in one["Mentions"]}


def test_each_clause_has_its_own_sentiment():
    assert feelings("The camera is great but the battery is terrible.") == {"camera": "POSITIVE", "battery": "NEGATIVE"}


def test_a_pronoun_is_grouped_with_the_last_thing_it_can_mean():
    entities: Any = TARGETED("I loved the spa. It was comfortable and John Smith was kind. He smiled.", "en")[
        "Entities"
    ]
    groups = [[mention["Text"] for mention in each["Mentions"]] for each in entities]
    assert groups == [["I"], ["spa", "It"], ["John Smith", "He"]]
    assert [each["DescriptiveMentionIndex"] for each in entities] == [[0], [0], [0]]


def test_dates_and_quantities_have_no_sentiment():
    assert feelings("It was terrible on 3 May 2021, awful.")["3 May 2021"] == "NEUTRAL"


def test_a_surname_means_the_person_named_before():
    text = "Ann Lee met Bob. Lee left."
    names = [Mention(0, 7, "Ann Lee", "PERSON", 0.9), Mention(12, 15, "Bob", "PERSON", 0.9)]
    (first, second) = grouped([*names, Mention(17, 20, "Lee", "PERSON", 0.9)])
    assert [mention.text for mention in first.mentions] == ["Ann Lee", "Lee"]
    assert [mention.text for mention in second.mentions] == ["Bob"]
    assert first.names == [0, 1]
    assert pronouns(text) == []


def test_a_pronoun_without_anything_it_could_mean_is_left_out():
    assert grouped(pronouns("It rains.")) == []


def told(text: str) -> list[tuple[str, dict[str, str]]]:
    answer: Any = EVENTS(text, "en")
    names = [each["Mentions"][0]["Text"] for each in answer["Entities"]]
    return [
        (event["Type"], {each["Role"]: names[each["EntityIndex"]] for each in event["Arguments"]})
        for event in answer["Events"]
    ]


@pytest.mark.parametrize(
    ("text", "kind", "roles"),
    [
        (
            "Amazon acquired Whole Foods for $13.7 billion in August 2017.",
            "CORPORATE_ACQUISITION",
            {"INVESTOR": "Amazon", "INVESTEE": "Whole Foods", "AMOUNT": "$13.7 billion", "DATE": "August 2017"},
        ),
        ("Google was bought by Oracle.", "CORPORATE_ACQUISITION", {"INVESTOR": "Oracle", "INVESTEE": "Google"}),
        ("Hertz filed for bankruptcy in Delaware.", "BANKRUPTCY", {"FILER": "Hertz", "PLACE": "Delaware"}),
        (
            "Microsoft hired Jane Doe as CEO on Monday.",
            "EMPLOYMENT",
            {"EMPLOYER": "Microsoft", "EMPLOYEE": "Jane Doe", "EMPLOYEE_TITLE": "CEO", "START_DATE": "Monday"},
        ),
        (
            "BlackRock invested $50 million in Acme Robotics.",
            "INVESTMENT_GENERAL",
            {"INVESTOR": "BlackRock", "AMOUNT": "$50 million", "INVESTEE": "Acme Robotics"},
        ),
        ("Intel merged with Xerox in 1999.", "CORPORATE_MERGER", {"PARTICIPANT": "Xerox", "DATE": "1999"}),
        ("Facebook held its IPO in May 2012.", "IPO", {"OFFEROR": "Facebook", "OFFERING_DATE": "May 2012"}),
        ("Nokia announced a rights issue.", "RIGHTS_ISSUE", {"OFFEROR": "Nokia"}),
        ("Tesla priced a secondary offering.", "SECONDARY_OFFERING", {"OFFEROR": "Tesla"}),
        ("Pfizer filed a shelf registration.", "SHELF_OFFERING", {"OFFEROR": "Pfizer"}),
        ("Vivendi launched a tender offer for Xerox.", "TENDER_OFFERING", {"OFFEROR": "Vivendi", "OFFEREE": "Xerox"}),
        ("Tesla set a 3-for-1 stock split.", "STOCK_SPLIT", {"COMPANY": "Tesla", "SPLIT_RATIO": "3-for-1"}),
    ],
)
def test_types_and_roles(text: str, kind: str, roles: dict[str, str]):
    assert (kind, roles) in told(text)


@pytest.mark.parametrize("text", ["", "We bought bread.", "The merger of two lanes.", "Nothing happened to Google."])
def test_where_nobody_takes_part_there_is_no_event(text: str):
    assert EVENTS(text, "en") == {"Entities": [], "Events": []}


def test_wanted_types_keep_their_own_entities_alone():
    text = "Microsoft hired Jane Doe as CEO. Google was bought by Oracle."
    row: Any = fitted("events", EVENTS, Options(types=("CORPORATE_ACQUISITION",)))(text, "en")
    assert [each["Type"] for each in row["Events"]] == ["CORPORATE_ACQUISITION"]
    assert [each["Mentions"][0]["Text"] for each in row["Entities"]] == ["Google", "Oracle"]
    assert sorted(each["EntityIndex"] for each in row["Events"][0]["Arguments"]) == [0, 1]
