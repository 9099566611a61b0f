"""Quotas of an account: read before a run is planned, kept with it, read anew by the next session."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runner.aws.quotas import URL_VARIABLE
from runner.core import events as e
from runner.core.polling import TIMINGS
from tests.acceptance.house import House

SENTIMENT = "L-32ABBB12"


class Account:
    """A Service Quotas that says what it is told to."""

    def __init__(self) -> None:
        self.active: float | None = 3.0
        self.refusal: str | None = None
        self.asked = 0

    def answer(self) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        if self.refusal is not None:
            return 400, {"__type": self.refusal, "Message": "no"}
        quotas = [{"QuotaCode": SENTIMENT, "QuotaName": "DetectSentiment max active jobs", "Value": self.active}]
        return 200, {"Quotas": quotas}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    told = Account()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = told.answer()
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv(URL_VARIABLE, f"http://127.0.0.1:{server.server_port}")
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def amazon(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A lane of kind `aws` whose services are on this machine, without quotas of its own."""
    monkeypatch.setitem(TIMINGS, "aws", TIMINGS["url"])
    return on_amazon(house)


def on_amazon(house: House, **quotas: float) -> House:
    assert house.endpoint is not None
    urls = dict.fromkeys(("comprehend", "s3", "sts"), house.endpoint.url)
    unhurried = {"start_per_s": 1000, "read_per_s": 1000, "stop_per_s": 1000}
    house.tell(lanes=[house.lane(endpoint="aws", endpoint_urls=urls, quotas=unhurried | quotas)])
    return house


def planned(house: House, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    said = house.command("plan", "m.yaml", "--json", *arguments)
    assert said.code == 0, said.err
    return json.loads(said.out)["quotas"], said.talk


def slots(number: float, source: str) -> list[dict[str, Any]]:
    return [{"lane": "near", "operation": "SentimentDetection", "active_jobs": number, "quota": source}]


def test_a_plan_counts_on_what_the_account_says(amazon: House, account: Account) -> None:
    quotas, talk = planned(amazon)

    assert quotas == slots(3, "observed")
    assert (account.asked, talk) == (1, "")
    shown = amazon.command("plan", "m.yaml").out
    assert "quota    near: 3 active jobs of each kind (observed)" in shown


def test_the_manifest_wins_and_is_warned_of_what_the_account_has_not(house: House, account: Account) -> None:
    quotas, talk = planned(on_amazon(house, active_jobs=50))

    assert quotas == slots(50, "manifest")
    assert talk.count("the account has less than the manifest's quotas.active_jobs: 3 for SentimentDetection") == 1
    quotas, talk = planned(house, "--set", "lanes.near.quotas.active_jobs=2")
    assert (quotas, talk) == (slots(2, "manifest"), "")


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_what_may_not_be_asked_is_assumed_and_told_once(amazon: House, account: Account, code: str) -> None:
    account.refusal = code

    quotas, talk = planned(amazon)

    assert quotas == slots(10, "assumed")
    assert talk.count(f"its quotas could not be read ({code})") == 1
    assert account.asked == 1


def test_nobody_is_asked_where_the_services_are_not_amazons(amazon: House) -> None:
    assert planned(amazon) == (slots(10, "assumed"), "")


def test_a_session_takes_what_the_account_says_now(amazon: House, account: Account) -> None:
    """Else what it said to the last session, and the journal has what each counted on."""
    amazon.tell(policy={"max_job_documents": 1})
    assert amazon.endpoint is not None
    amazon.endpoint.set_faults({"operation": "Start*", "do": "throttle"})
    assert amazon.run("--for", "100ms").code == 5
    account.active = 5.0
    changed = amazon.run("--for", "100ms")
    account.refusal = "AccessDeniedException"
    refused = amazon.run("--for", "100ms")
    amazon.endpoint.set_faults()

    assert amazon.run().code == 0

    sessions = [event.quotas for event in amazon.events() if isinstance(event, e.SessionOpened)]
    assert sessions == [(("near", "SentimentDetection", number, "observed"),) for number in (3.0, 5.0, 5.0, 5.0)]
    assert "active jobs have changed: 5 for SentimentDetection (3 before)" in changed.talk
    assert "what the account said last is used" in refused.talk
    asked = account.asked
    assert amazon.run().code == 0
    assert account.asked == asked, "a finished run has nothing to ask"
