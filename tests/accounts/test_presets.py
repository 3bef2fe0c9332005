"""The services that are known by name."""

from __future__ import annotations

import pytest

from addon.accounts.account import check_base_url
from addon.accounts.presets import PRESETS, preset_at

PLAN_KEY = "sk-sp-0123456789abcdef"
STUDIO_KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_base_url_as_accounts_have_it(name: str) -> None:
    assert check_base_url(PRESETS[name].base_url) == PRESETS[name].base_url
    assert preset_at(PRESETS[name].base_url) is PRESETS[name]


def test_no_two_are_at_one_place() -> None:
    assert len({preset.base_url for preset in PRESETS.values()}) == len(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_key_of_the_coding_plan_is_for_the_coding_plan_alone(name: str) -> None:
    is_plan = name.startswith("coding-plan")
    assert PRESETS[name].takes(PLAN_KEY) is is_plan
    assert PRESETS[name].takes(STUDIO_KEY) is not is_plan


def test_other_places_are_no_preset() -> None:
    assert preset_at("https://host.example/v1") is None
