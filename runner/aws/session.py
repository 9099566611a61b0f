"""One lane's session: the one door through which calls are made.

Rules
1. `LaneSession.call` is the only place that awaits a client's method. It returns the answer or a Fault, counts the
   call, and lets nothing foreign through.
2. Credentials are made fresh before a call is sent, so that a failure to renew them does not look like a Start
   without an answer.

It knows no operation's parameters (requests.py, transfer.py), no meaning of an error (faults.py), and not how clients
and credentials are made (connection.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from anyio import fail_after

from runner.aws.codes import STALE_CREDENTIALS
from runner.aws.connection import Connection, Service, connect
from runner.aws.faults import classify, classify_response
from runner.errors import InternalError, UserError
from runner.model import Fault, FaultKind, LaneSpec, Scope

Answer = dict[str, Any]


class LaneSession:
    """An open way to one lane; use it as an async context manager.

    Entering raises CredentialsError if there are no credentials or the profile does not exist, and UserError if a lane
    of kind `aws` resolves to a host that is not Amazon's. It makes no call to the lane itself.
    """

    def __init__(self, lane: LaneSpec) -> None:
        self.lane = lane
        self.calls: Counter[str] = Counter()
        """Calls sent so far, by operation; for telemetry."""
        self._connection: Connection | None = None
        self._stale = False

    def __repr__(self) -> str:
        state = "open" if self._connection else "closed"
        return f"<LaneSession {self.lane.name} {self.lane.kind} {self.lane.region} {state}>"

    async def __aenter__(self) -> Self:
        if self._connection is not None:
            raise InternalError(f"{self!r} was entered twice")
        self._connection = await connect(self.lane)
        return self

    async def __aexit__(self, *_: object) -> None:
        held, self._connection = self._connection, None
        if held is not None:
            await held.close()

    async def renew(self) -> None:
        """Look for credentials anew, as after `aws sso login` or an edited credentials file, and use them from now on.

        Raises what entering raises; the session then stays as it was. Calls in flight on the old clients may fail as
        unanswered, so renew while the lane is parked.
        """
        fresh = await connect(self.lane)
        held, self._connection = self._connection, fresh
        if held is not None:
            await held.close()

    def endpoint(self, service: Service) -> str:
        """The URL that calls of `service` go to."""
        return str(self._held.clients[service].meta.endpoint_url)

    async def identity(self) -> str | Fault:
        """The account (12 digits) that the lane's credentials belong to.

        An account other than the one the lane names is a Fault: everything done there would be somebody else's.
        """
        answer = await self.call("sts", "GetCallerIdentity", {})
        if isinstance(answer, Fault):
            return answer
        account = answer.get("Account")
        if not isinstance(account, str) or not account:
            return corrupt("GetCallerIdentity", "the answer names no account")
        if self.lane.account and account != self.lane.account:
            return Fault(
                kind=FaultKind.DENIED,
                scope=Scope.LANE,
                code="WRONG_ACCOUNT",
                message=f"the credentials of lane {self.lane.name} belong to account {account}, "
                f"its `account` is {self.lane.account}",
                hint="use the other account's `profile` or `assume_role`, or correct `account`",
            )
        return account

    async def call(
        self, service: Service, operation: str, parameters: Answer, *, within_s: float | None = None
    ) -> Answer | Fault:
        """Make one call and give its parsed answer, or the Fault that befell it. `operation` is the model's name.

        `within_s` bounds the whole call, for bodies so large that a peer may stall while they are sent: the read
        timeout begins only once a request is out.
        """
        if self._stale:
            await self._look_again()
        held = self._held
        method = getattr(held.clients[service], held.method(operation))
        try:
            await held.refresh()
        except Exception as error:  # noqa: BLE001 - whatever a credential source raises: nothing was sent
            return self.fault(error, operation="GetCredentials")
        self.calls[operation] += 1
        try:
            with fail_after(within_s):
                answer: Answer = await method(**parameters)
        except Exception as error:  # noqa: BLE001 - the one border where foreign exceptions become values
            return self.fault(error, operation=operation)
        return answer

    async def _look_again(self) -> None:
        """Use credentials that were mended since the last call, if there are any; else the old ones fail once more."""
        self._stale = False
        with suppress(UserError):
            await self.renew()

    def fault(self, error: Exception, *, operation: str) -> Fault:
        """The fault behind an exception, with this lane's names in its hint."""
        fault = classify(error, operation=operation, profile=self.lane.profile)
        self._stale = self._stale or fault.code in STALE_CREDENTIALS
        return fault

    def fault_of_code(self, error: Mapping[str, Any], *, operation: str) -> Fault:
        """The fault behind an error that came inside a successful answer, as {Code, Message}."""
        return classify_response({"Error": error}, operation=operation, profile=self.lane.profile)

    @property
    def _held(self) -> Connection:
        if self._connection is None:
            raise InternalError(f"{self!r} was used outside its `async with`")
        return self._connection


def corrupt(operation: str, message: str) -> Fault:
    """The fault of an answer that does not have the form the service's model promises."""
    return Fault(
        kind=FaultKind.CORRUPT,
        scope=Scope.CALL,
        code="MALFORMED_ANSWER",
        message=f"{operation}: {message}",
        hint="check that the lane's endpoint is what it claims to be",
    )
