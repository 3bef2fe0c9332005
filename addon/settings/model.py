"""Every key that the user may set: its type, its range, its default and its help.

Values only; where they come from is ``sources.py``'s affair.
"""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from addon.accounts.account import check_base_url

DEFAULT_BASE_URL: Final = "https://portal.qwen.ai/v1"

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def _whole_seconds(value: object) -> object:
    """A fraction, which the OpenCode plugin's files may hold, becomes the next whole second."""
    if isinstance(value, float) and math.isfinite(value):
        return math.ceil(value) if value > 0 else math.floor(value)
    return value


def listed(value: object) -> object:
    """A text of several, divided by commas, as a list: the environment knows no lists."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _network(value: object) -> IPNetwork:
    if isinstance(value, IPNetwork):
        return value
    text = str(value)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be a network or address such as 192.168.1.0/24") from None
    # 10.1.2.3/8 would let in sixteen million hosts where one may have been meant
    if "/" in text and ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError(f"must be {network}, or a single address without /")
    return network


_HOST_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def _host_name(value: str) -> str:
    name = value.strip().rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if _HOST_NAME.fullmatch(name):
            return name
    raise ValueError("must be a host name such as api.openai.com, without scheme, port or path")


WholeSeconds = Annotated[int, BeforeValidator(_whole_seconds), Field(ge=0, le=1_000_000_000)]
Timeout = Annotated[int, BeforeValidator(_whole_seconds), Field(ge=1, le=86_400)]
ByteCount = Annotated[int, Field(ge=0, le=2**40)]
Count = Annotated[int, Field(ge=1, le=1000)]
Bytes = Annotated[int, Field(ge=1024, le=1024**4)]
Percent = Annotated[float, Field(ge=0, le=100)]
Url = Annotated[str, AfterValidator(check_base_url)]
Network = Annotated[IPNetwork, BeforeValidator(_network)]
HostName = Annotated[str, AfterValidator(_host_name)]
NonEmpty = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """Keys and their types. Strict: ``"300"`` is a text, and ``"yes"`` no boolean."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class HealthScoreSettings(Table):
    """What moves an account's health, which stays within 0…100."""

    initial: Percent = Field(70.0, description="of an account that has not served yet")
    success_reward: float = Field(1.0, description="added for a request served")
    rate_limit_penalty: float = Field(-10.0, le=0, description="added for a 429")
    failure_penalty: float = Field(-20.0, le=0, description="added for a failing upstream")
    recovery_rate_per_hour: float = Field(2.0, ge=0, description="gained while resting")
    min_usable: Percent = Field(50.0, description="below it, an account is only a last resort")


class TokenBucketSettings(Table):
    """How many requests an account is thought good for; a full bucket, one token a request."""

    max_tokens: float = Field(50.0, ge=1, description="what a full bucket holds")
    regeneration_rate_per_minute: float = Field(6.0, ge=0, description="tokens that come back")


class Settings(Table):
    """Everything that the user may set. Defaults and keys are the contract's.

    ``model_fields_set`` tells which keys any source has set.
    """

    base_url: Url = Field(
        DEFAULT_BASE_URL,
        description="Chat Completions base URL of every account that has none of its own. "
        "Not set: each signed-in account's resource URL, else https://portal.qwen.ai/v1.",
    )
    client_id: str = Field(
        "f0304373b74a44d2b584a3fb70ca9e56",
        min_length=1,
        description="OAuth client id for sign-in and refresh.",
    )
    oauth_base_url: Url = Field(
        "https://chat.qwen.ai",
        description="OAuth server for sign-in and refresh.",
    )
    oauth_fallback_urls: Annotated[tuple[Url, ...], BeforeValidator(listed)] = Field(
        (),
        strict=False,
        description="Further OAuth servers, each tried where those before it cannot be reached.",
    )
    rotation_strategy: Literal["hybrid", "round-robin", "sequential"] = Field(
        "hybrid",
        description="Which account serves next: hybrid (health, tokens left and rest), "
        "round-robin (the next on every request), sequential (the same until it is refused).",
    )
    pid_offset_enabled: bool = Field(
        default=False,
        description="Start the order of accounts at an offset made from the process id, "
        "so that parallel sessions spread out.",
    )
    session_affinity_bonus: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        300,
        description="What the hybrid strategy adds to the account that served the session within "
        "the last five minutes and so has its prompt cached; 0: nothing.",
    )
    proactive_refresh: bool = Field(
        default=True,
        description="Renew a token before it expires, rather than once it is refused.",
    )
    refresh_window_seconds: WholeSeconds = Field(
        300, description="How long before its expiry a token is renewed."
    )
    rate_limit_action: Literal["rotate", "pace"] = Field(
        "rotate",
        description="What a request does that an account's limit refused: rotate (go on to the "
        "next account), pace (where the limit is soon over, wait on the same one for its cache).",
    )
    retry_strategy: Literal["aggressive", "balanced", "conservative"] = Field(
        "balanced",
        description="How soon an account is asked again whose limit is over at an unknown time: "
        "aggressive, balanced or conservative.",
    )
    max_attempts: Count = Field(
        3,
        description="How many accounts a request is tried on whose upstreams fail; limits and "
        "dead tokens do not count.",
    )
    breaker_failures: Count = Field(
        5, description="After how many failures in a row an account is left out."
    )
    breaker_probe_seconds: Timeout = Field(
        30, description="How long it is left out before one request may try whether it works again."
    )
    max_rate_limit_wait_seconds: WholeSeconds = Field(
        300,
        description="How long a request may wait for an account while all are limited; "
        "0: never wait.",
    )
    connect_timeout_seconds: Timeout = Field(
        10, description="How long connecting to an upstream may take, TLS included."
    )
    first_byte_timeout_seconds: Timeout = Field(
        300,
        description="How long an upstream may be silent before its answer begins; thinking "
        "models take minutes.",
    )
    idle_timeout_seconds: Timeout = Field(
        120, description="How long an upstream may be silent in the middle of its answer."
    )
    max_request_bytes: Bytes = Field(
        64 * 1024 * 1024,
        description="How long the body of a request may be, in bytes, decoded where it is "
        "compressed; a longer one is refused.",
    )
    quiet_mode: bool = Field(default=False, description="No log line for each request.")
    inspect_body_limit: ByteCount = Field(
        4 * 1024 * 1024,
        description="How many bytes of one exchange are kept for mitmproxy to show, beside the "
        "request as its upstream got it: what the client sent, and what was streamed; 0: none.",
    )
    inspect_total_limit: ByteCount = Field(
        64 * 1024 * 1024,
        description="How many bytes of all exchanges together are kept so; the oldest are given "
        "up first.",
    )
    health_score: HealthScoreSettings = Field(
        HealthScoreSettings(),
        description="Points of the hybrid strategy's health, as an object with any of: initial, "
        "success_reward, rate_limit_penalty, failure_penalty, recovery_rate_per_hour, min_usable.",
    )
    token_bucket: TokenBucketSettings = Field(
        TokenBucketSettings(),
        description="The hybrid strategy's token bucket, as an object with any of: max_tokens, "
        "regeneration_rate_per_minute.",
    )
    allow_clients: Annotated[tuple[Network, ...], BeforeValidator(listed)] = Field(
        (),
        strict=False,
        description="Networks whose clients may use the accounts, besides loopback; a client "
        "that passed proxyauth may too.",
    )
    intercept_hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = Field(
        (),
        strict=False,
        description="Further hosts whose Responses requests are served from the accounts, "
        "api.openai.com say.",
    )

    models: Annotated[tuple[NonEmpty, ...], BeforeValidator(listed)] = Field(
        (),
        strict=False,
        description="Models that GET /models lists, beside those that accounts name, where a "
        "service has no such list.",
    )

    @property
    def configured_base_url(self) -> str | None:
        """``base_url`` where the user set it: only then it outranks a ``resourceUrl``."""
        return self.base_url if "base_url" in self.model_fields_set else None
