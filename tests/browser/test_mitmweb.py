"""mitmweb in a real browser: its list and its views say what became of a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.tab import Tab, tab
from tests.proxy.conftest import mitmweb
from tests.support.pool import Pool
from tests.support.replies import refusal

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})


@pytest.fixture
def pool(tmp_path: Path, confdir: Path) -> Iterator[Pool]:
    with mitmweb(tmp_path, confdir) as (pool, _):
        pool.upstream.answers(pool._answer)
        yield pool


@pytest.fixture
def web(browser: Browser, pool: Pool) -> Iterator[Tab]:
    """mitmweb's page."""
    told = re.search(r"Web server listening at (http://\S+)", pool.proxy.log)
    assert told
    with tab(browser) as found:
        found.open(told[1])
        yield found


def test_the_flow_list_says_which_account_served_and_why_another_did_not(
    pool: Pool, web: Tab
) -> None:
    pool.has(pool.fresh("limited", priority=-1), "serving")
    pool.refusing["limited"] = LIMITED
    assert pool.account_for() == "serving"

    comment = web.page.locator("td.col-comment").first
    expect(comment).to_contain_text("account serving")
    expect(comment).to_contain_text("limited refused with 429 rate_limit_exceeded: Slow down.")
    expect(web.page.locator("td.col-path").first).to_contain_text("🔁")


@pytest.mark.parametrize(
    ("message", "said", "client", "upstream"),
    [
        ("Request", "Hi", '"input": "Hi"', '"messages"'),
        ("Response", "Hello", "response.output_text.delta", "chat.completion.chunk"),
    ],
)
def test_a_message_is_read_as_a_conversation_and_as_each_side_had_it(
    pool: Pool, web: Tab, message: str, said: str, client: str, upstream: str
) -> None:
    pool.has("serving")
    assert pool.account_for(stream=True) == "serving"
    web.page.locator("td.col-path").first.click()
    web.page.get_by_role("link", name=message, exact=True).click()

    expect(web.page.get_by_role("heading", name="qwen conversation")).to_be_visible()
    expect(web.page.locator(".contentview pre")).to_contain_text(said)
    for view, told in (("qwen client", client), ("qwen upstream", upstream)):
        web.page.get_by_role("link", name="View: ").click()
        web.page.get_by_text(view, exact=True).click()
        expect(web.page.get_by_role("heading", name=view)).to_be_visible()
        expect(web.page.locator(".contentview pre")).to_contain_text(told)
