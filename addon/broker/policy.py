"""What the rooms below need of the user's settings, each in its own terms."""

from __future__ import annotations

from addon.oauth import OAuthClient
from addon.rotation.policy import (
    BreakerPolicy,
    BucketPolicy,
    HealthPolicy,
    Policy,
    RateLimitAction,
    RetryStrategy,
    Strategy,
)
from addon.settings import Settings


def policy_from(settings: Settings, pid: int) -> Policy:
    """What the pool needs of ``settings``; ``pid`` is this process's own id."""
    health, bucket = settings.health_score, settings.token_bucket
    return Policy(
        strategy=Strategy(settings.rotation_strategy),
        health=HealthPolicy(
            initial=health.initial,
            success_reward=health.success_reward,
            rate_limit_penalty=health.rate_limit_penalty,
            failure_penalty=health.failure_penalty,
            recovery_rate_per_hour=health.recovery_rate_per_hour,
            min_usable=health.min_usable,
        ),
        bucket=BucketPolicy(
            max_tokens=bucket.max_tokens,
            regeneration_rate_per_minute=bucket.regeneration_rate_per_minute,
        ),
        breaker=BreakerPolicy(
            failures=settings.breaker_failures,
            probe_seconds=settings.breaker_probe_seconds,
        ),
        retry_strategy=RetryStrategy(settings.retry_strategy),
        rate_limit_action=RateLimitAction(settings.rate_limit_action),
        session_affinity_bonus=settings.session_affinity_bonus,
        pid_offset=pid if settings.pid_offset_enabled else None,
    )


def renewal_window_seconds(settings: Settings) -> float | None:
    """How long before its end a token is to be renewed; None: not before it is dead."""
    return settings.refresh_window_seconds if settings.proactive_refresh else None


def oauth_client_from(settings: Settings) -> OAuthClient:
    """A client of the OAuth servers that ``settings`` name."""
    return OAuthClient(
        settings.oauth_base_url, settings.oauth_fallback_urls, client_id=settings.client_id
    )


def same_oauth_servers(one: Settings, other: Settings) -> bool:
    """Whether both stand for the same OAuth client at the same servers."""
    return (one.oauth_base_url, one.oauth_fallback_urls, one.client_id) == (
        other.oauth_base_url,
        other.oauth_fallback_urls,
        other.client_id,
    )
