"""How a lane is connected: credentials, endpoints, timeouts, one shared client per service.

Rules
1. botocore's own retries are off: the scheduler is the one that decides about retries.
2. An embedded lane looks at nothing of the user's AWS environment: no profile, no proxy, no key.
3. A lane of kind `aws` speaks to Amazon's hosts, or to those that its `endpoint_urls` name; never to where an exported
   variable happens to point.

It makes no call of the lane's own; assuming a role is the only one, and that waits for the first call that needs it.
aioboto3 takes 0.7 s to import, therefore it is imported when a lane is connected.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

from anyio import move_on_after

from runner.aws.faults import classify
from runner.errors import CredentialsError, UserError
from runner.model import FaultKind, LaneSpec

if TYPE_CHECKING:
    from aioboto3 import Session
    from aiobotocore.config import AioConfig

Service = Literal["comprehend", "s3", "sts"]

SERVICES: Final[tuple[Service, ...]] = ("comprehend", "s3", "sts")
CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
"""Also what notices a peer that vanished: aiobotocore passes no socket options on, TCP keepalive among them."""
CONNECTIONS_MAX: Final = 64
CLOSE_TIMEOUT_S: Final = 5.0
ROLE_SESSION_NAME: Final = "comprehend-runner"

AMAZON_HOSTS: Final = (
    # The DNS suffixes of every partition, plain and dual-stack; a test holds them to botocore's partitions.
    "amazonaws.com",
    "api.aws",
    "amazonaws.com.cn",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "api.aws.ic.gov",
    "sc2s.sgov.gov",
    "api.aws.scloud",
    "cloud.adc-e.uk",
    "api.cloud-aws.adc-e.uk",
    "csp.hci.ic.gov",
    "api.aws.hci.ic.gov",
)

_EMBEDDED_KEY: Final = "embedded"


class Connection:
    """What a session holds while it is open: clients, credentials, and how to let go of them."""

    def __init__(self, stack: AsyncExitStack, clients: dict[Service, Any], credentials: Any) -> None:
        self.clients = clients
        self._stack = stack
        self._credentials = credentials
        self._methods: dict[str, str] = {}

    async def refresh(self) -> None:
        """Renew the credentials if they are about to expire; raises what their source raises."""
        await self._credentials.get_frozen_credentials()

    def method(self, operation: str) -> str:
        """The client's method for an operation of the model."""
        name = self._methods.get(operation)
        if name is None:
            from botocore import xform_name

            name = self._methods[operation] = str(xform_name(operation))
        return name

    async def close(self) -> None:
        """Close the clients, also while the task is being cancelled; a server that hangs is not waited for."""
        with move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await self._stack.aclose()


@asynccontextmanager
async def unconnected_client(lane: LaneSpec, service: str) -> AsyncIterator[Any]:
    """A client of any service with a lane's credentials, for a question beside the lane's own.

    Unlike `connect` it does not hold an `aws` lane to Amazon's hosts, and finds credentials only with the first call.
    Raises what botocore raises.
    """
    _quieten()
    session = _user_session(lane)
    if lane.assume_role:
        session = _assuming(session, lane)
    async with _client(session, lane, service) as client:
        yield client


async def connect(lane: LaneSpec) -> Connection:
    """Make a lane's clients and find its credentials.

    Raises CredentialsError if there are no credentials or the profile does not exist, and UserError if a lane of kind
    `aws` resolves to a host that is not Amazon's.
    """
    _quieten()
    async with AsyncExitStack() as stack:
        try:
            session = _embedded_session(lane) if lane.kind == "embedded" else _user_session(lane)
            if lane.assume_role:
                session = _assuming(session, lane)
            clients = {
                service: await stack.enter_async_context(_client(session, lane, service)) for service in SERVICES
            }
            _require_amazon(lane, {service: clients[service].meta.endpoint_url for service in SERVICES})
            credentials = await cast("Any", session.get_credentials())  # the type stubs forget that it is awaited
        except UserError:
            raise
        except Exception as error:
            raise _refusal(lane, error) from error
        if credentials is None:
            raise CredentialsError(
                f"lane {lane.name}: no AWS credentials were found" + _of_profile(lane),
                hint="set the lane's `profile`, or export AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws configure`",
            )
        return Connection(stack.pop_all(), clients, credentials)


def _quieten() -> None:
    """Keep aiobotocore's warnings from stderr, Python's last resort; handlers that somebody chose still get them.

    Whatever it would say reaches us as an exception, and the traceback of a failed renewal may quote secrets.
    """
    logger = logging.getLogger("aiobotocore")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())


def _refusal(lane: LaneSpec, error: Exception) -> UserError:
    """What stands in the way of opening the lane, as the user's to mend."""
    fault = classify(error, operation="GetCredentials", profile=lane.profile)
    message = f"lane {lane.name}: {fault}"
    if fault.kind is FaultKind.UNKNOWN:
        return UserError(message, hint="check the AWS configuration of this environment: `aws configure list`")
    return CredentialsError(message, hint=fault.hint)


def _of_profile(lane: LaneSpec) -> str:
    return f" for profile {lane.profile}" if lane.profile else ""


def _embedded_session(lane: LaneSpec) -> Session:
    import aioboto3
    from aiobotocore.session import AioSession

    # Session variables without an environment name: nothing of the user's can reach an embedded lane.
    alone = AioSession(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    _furnish(alone)
    return aioboto3.Session(
        botocore_session=alone,
        region_name=lane.region,
        aws_access_key_id=_EMBEDDED_KEY,
        aws_secret_access_key=_EMBEDDED_KEY,
    )


def _user_session(lane: LaneSpec) -> Session:
    import aioboto3
    from aiobotocore.session import AioSession

    core = AioSession()
    _furnish(core)
    return aioboto3.Session(botocore_session=core, region_name=lane.region, profile_name=lane.profile)


def _assuming(base: Session, lane: LaneSpec) -> Session:
    """A session whose credentials are the lane's role, assumed with `base` and again before they expire."""
    import aioboto3
    from aiobotocore.credentials import AioCredentialResolver, AioDeferredRefreshableCredentials
    from aiobotocore.session import AioSession

    async def assume() -> dict[str, Any]:
        parameters = {"RoleArn": lane.assume_role, "RoleSessionName": ROLE_SESSION_NAME}
        if lane.external_id:
            parameters["ExternalId"] = lane.external_id
        async with _client(base, lane, "sts") as sts:
            answer = (await sts.assume_role(**parameters))["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": str(answer["Expiration"]),
        }

    class AssumedRole:
        """A credential provider with one answer."""

        METHOD = CANONICAL_NAME = "assume-role"

        async def load(self) -> AioDeferredRefreshableCredentials:
            return AioDeferredRefreshableCredentials(refresh_using=assume, method=self.METHOD)

    core = AioSession()
    _furnish(core)
    core.register_component("credential_provider", AioCredentialResolver([cast("Any", AssumedRole())]))
    return aioboto3.Session(botocore_session=core, region_name=lane.region, profile_name=lane.profile)


def _furnish(core: Any) -> None:
    """What all our sessions have in common.

    Timestamps stay as they travel (a number, or ISO text): dates cost a List of 500 jobs more than all the rest. The
    service models, 100 ms of parsing a session, are read once per process.
    """
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_as_is)
    core.register_component("data_loader", _loader())


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


def _as_is(value: Any) -> Any:
    return value


@asynccontextmanager
async def _client(session: Session, lane: LaneSpec, service: str) -> AsyncIterator[Any]:
    make: Any = session.client
    verify = False if lane.kind == "embedded" else None  # plain HTTP on loopback: loading CAs costs 20 ms a client
    url = lane.endpoint_url(service)
    async with make(service, endpoint_url=url, verify=verify, config=_config(lane, url)) as client:
        yield client


def _config(lane: LaneSpec, url: str | None) -> AioConfig:
    from aiobotocore.config import AioConfig

    options: dict[str, Any] = {}
    if url is not None and not is_amazon(url):
        # Hosts of somebody's own: no bucket names in front of them, no checksums that only Amazon knows.
        options |= {"s3": {"addressing_style": "path"}, "request_checksum_calculation": "when_required"}
    if lane.kind == "embedded":
        options |= {"proxies": {}}
    return AioConfig(
        region_name=lane.region,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=CONNECTIONS_MAX,
        retries={"total_max_attempts": 1, "mode": "standard"},
        **options,
    )


def is_amazon(url: str) -> bool:
    """Whether a URL's host is Amazon's."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return any(host == suffix or host.endswith("." + suffix) for suffix in AMAZON_HOSTS)


def _require_amazon(lane: LaneSpec, urls: dict[Service, str]) -> None:
    """Raise unless every service of an `aws` lane resolves to Amazon, or to what `endpoint_urls` names."""
    if lane.kind != "aws":
        return
    for service, url in urls.items():
        if lane.endpoint_url(service) is None and not is_amazon(url):
            host = urlsplit(url).hostname
            raise UserError(
                f"lane {lane.name} says `endpoint: aws`, but {service} resolves to {host}, which is not Amazon's; "
                f"{_origin(lane, service)}",
                hint=f"unset it, or name it on purpose: `endpoint_urls: {{{service}: {_bare(url)}}}`",
            )


def _origin(lane: LaneSpec, service: Service) -> str:
    """Where botocore took a custom endpoint from, in its own order of looking."""
    for variable in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
        if os.environ.get(variable):
            return f"the environment variable {variable} says so"
    profile = lane.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
    return f"`endpoint_url` of profile {profile} in the AWS config file says so"


def _bare(url: str) -> str:
    """The URL without user, password, path or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
