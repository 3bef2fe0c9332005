"""The rotation's policy, out of the user's settings."""

from __future__ import annotations

from addon.rotation.policy import BucketPolicy, HealthPolicy, Policy, Strategy
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
        pid_offset=pid if settings.pid_offset_enabled else None,
    )
