"""Settings as options of a real mitmproxy option manager."""

from __future__ import annotations

import pytest
from mitmproxy.optmanager import OptManager

from addon.settings import Settings, SettingsError, option_specs, settings_from_options
from tests.settings.sources import Sources


def mitmproxy_options(base: Settings) -> OptManager:
    """A real option manager in which the options stand as the addon declares them."""
    options = OptManager()
    for spec in option_specs(base):
        options.add_option(spec.name, spec.typespec, spec.default, spec.help, spec.choices)
    return options


def read(base: Settings, options: OptManager) -> Settings:
    return settings_from_options(base, {name: getattr(options, name) for name in options._options})


def test_every_setting_is_an_option_with_help() -> None:
    specs = option_specs(Settings())
    assert [spec.name for spec in specs] == [f"qwen_{key}" for key in Settings.model_fields]
    assert all(spec.help for spec in specs)


def test_options_show_what_is_in_force(sources: Sources) -> None:
    base = sources.load(
        user={
            "base_url": "https://llm.example/v1",
            "health_score": {"initial": 80},
            "allow_clients": ["10.0.0.0/8"],
        }
    )
    options = mitmproxy_options(base)
    assert options.qwen_base_url == "https://llm.example/v1"
    assert options.qwen_allow_clients == ["10.0.0.0/8"]
    assert options.qwen_health_score == (
        '{"initial": 80, "success_reward": 1, "rate_limit_penalty": -10, '
        '"failure_penalty": -20, "recovery_rate_per_hour": 2, "min_usable": 50}'
    )
    assert options.qwen_refresh_window_seconds == 300


def test_options_left_alone_change_nothing(sources: Sources) -> None:
    base = sources.load(
        user={"token_bucket": {"max_tokens": 2.5}}, project={"allow_clients": ["10.0.0.0/8"]}
    )
    unchanged = read(base, mitmproxy_options(base))
    assert unchanged == base
    assert unchanged.model_fields_set == base.model_fields_set


def test_set_takes_every_kind_of_option() -> None:
    options = mitmproxy_options(Settings())
    options.set(
        "qwen_base_url=http://localhost:8000/v1",
        "qwen_quiet_mode=true",
        "qwen_refresh_window_seconds=60",
        "qwen_rotation_strategy=sequential",
        'qwen_token_bucket={"max_tokens": 7}',
        "qwen_allow_clients=10.0.0.0/8,10.9.8.7",
        "qwen_allow_clients=fd00::/8",
    )
    settings = read(Settings(), options)
    assert settings.model_dump(exclude_unset=True, mode="json") == {
        "base_url": "http://localhost:8000/v1",
        "quiet_mode": True,
        "refresh_window_seconds": 60,
        "rotation_strategy": "sequential",
        "token_bucket": {"max_tokens": 7},
        "allow_clients": ["10.0.0.0/8", "10.9.8.7/32", "fd00::/8"],
    }


def test_an_option_can_take_back_what_a_file_allows(sources: Sources) -> None:
    base = sources.load(user={"allow_clients": ["10.0.0.0/8"], "quiet_mode": True})
    options = mitmproxy_options(base)
    options.set("qwen_allow_clients", "qwen_quiet_mode=false")
    settings = read(base, options)
    assert (settings.allow_clients, settings.quiet_mode) == ((), False)


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (
            {"qwen_refresh_window_seconds": -1},
            ["option qwen_refresh_window_seconds: must be at least 0 (got -1)"],
        ),
        (
            {"qwen_health_score": '{"initial": -1}'},
            ["option qwen_health_score.initial: must be at least 0 (got -1)"],
        ),
        (
            {"qwen_health_score": "initial=80"},
            ['option qwen_health_score:1:1: is not JSON: unexpected "i"'],
        ),
        (
            {"qwen_health_score": "80"},
            ["option qwen_health_score: must be an object (got 80)"],
        ),
        (
            {"qwen_quiet": True, "stickycookie": "other people's options are not ours to judge"},
            ["option qwen_quiet: unknown key, did you mean qwen_quiet_mode?"],
        ),
    ],
    ids=str,
)
def test_an_option_fault_names_the_option(values: dict[str, object], lines: list[str]) -> None:
    with pytest.raises(SettingsError) as raised:
        settings_from_options(Settings(), values)
    assert list(raised.value.lines) == lines
