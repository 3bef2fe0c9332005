"""The live page in a real browser: it shows what happens, and does what it is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, expect

from addon.proxy.pages.news import qr_rows
from tests.browser.tab import Scheme, Tab, tab
from tests.conftest import StartMitm
from tests.support.chat import Json, events, text_stream
from tests.support.oauth_server import OAuthServer
from tests.support.pool import Pool
from tests.support.proxy import REVERSE, Setup
from tests.support.replies import refusal, stream_reply

LIMITED: Final = refusal(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "900"})


def entry(pool: Pool, label: str) -> Json:
    (found,) = (each for each in pool.entries() if each["label"] == label)
    return found


@dataclass
class Cards:
    """The accounts of this very test: others of the same name may still be shown."""

    pool: Pool
    live: Tab

    def __getitem__(self, label: str) -> Locator:
        id_ = json.dumps(entry(self.pool, label)["id"])
        return self.live.page.locator(f"li[data-account={id_}]")

    def press(self, deed: str, label: str) -> None:
        self[label].get_by_role("button", name=f"{deed}: {label}").click()


@pytest.fixture
def cards(pool: Pool, live: Tab) -> Cards:
    return Cards(pool, live)


def is_enabled(pool: Pool, label: str) -> bool:
    return bool(entry(pool, label).get("enabled", True))


# What it shows


def test_accounts_come_and_go_as_they_do_in_the_file(pool: Pool, live: Tab, cards: Cards) -> None:
    pool.has("work", "home")
    expect(live.page.locator("li.account h3")).to_have_text(["work", "home"])
    expect(cards["work"].locator(".badge")).to_have_text("✓ ready")
    pool.has("home")
    expect(live.page.locator("li.account h3")).to_have_text(["home"])
    pool.edit(lambda _: [])
    expect(live.page.get_by_text("There is no account yet.")).to_be_visible()


def test_accounts_of_one_label_can_be_told_apart(pool: Pool, live: Tab) -> None:
    pool.has("twin", "twin")
    for id_ in [each["id"] for each in pool.entries()]:
        live.page.get_by_role("heading", name=f"twin ({id_})").wait_for()
        assert live.page.get_by_role("button", name=f"Disable: twin ({id_})").count() == 1


def test_what_is_wrong_with_the_accounts_file_is_said(pool: Pool, live: Tab, cards: Cards) -> None:
    bad = pool.fresh("bad", apiKey="no key at all")
    pool.has("work", bad)
    troubles = live.page.locator("#troubles")
    expect(troubles.get_by_role("listitem")).to_have_text(
        ["Left out: accounts[1].apiKey: must be ASCII in one piece: no space, no line break"]
    )
    assert live.barriers() == []
    file = pool.proxy.accounts_file
    good = file.read_text("utf-8")
    file.write_text("{", "utf-8")
    expect(troubles).to_contain_text("The accounts read before it stay in use.")
    expect(cards.live.page.locator("li.account h3")).to_have_text(["work"])
    file.write_text(good, "utf-8")
    pool.has("work")
    expect(troubles).to_be_hidden()


def test_a_request_is_seen_while_it_runs_and_when_it_is_over(
    pool: Pool, live: Tab, cards: Cards
) -> None:
    pool.has("work")
    gate = pool.upstream.gate()
    pool.refusing["work"] = stream_reply([gate, *events(text_stream("Hello"))])
    in_flight = cards["work"].locator("dt:text-is('in flight') + dd")
    with ThreadPoolExecutor() as threads:
        asking = threads.submit(pool.ask, stream=True)
        expect(in_flight).to_have_text("1")
        expect(live.page).to_have_title("(1) Qwen proxy")
        gate.open()
        assert asking.result().status_code == 200
    expect(in_flight).to_have_text("0")
    row = live.page.locator("tr.request").first
    expect(row).to_contain_text("served")
    expect(row).to_contain_text("work")


def test_an_account_that_did_not_serve_is_named_with_its_reason(
    pool: Pool, live: Tab, cards: Cards
) -> None:
    pool.has(pool.fresh("limited", priority=-1), "serving")
    pool.refusing["limited"] = LIMITED
    assert pool.account_for() == "serving"

    live.page.get_by_role("button", name="2 attempts").first.press("Enter")

    attempts = live.page.locator("tr.attempts:visible li")
    expect(attempts).to_have_text(
        [
            # how long it took is in between
            *(each for each in [attempts.nth(0).inner_text()] if "Slow down." in each),
            "serving: served",
        ]
    )
    expect(cards["limited"].locator(".badge")).to_have_text("❄ cooling")
    expect(cards["limited"].get_by_role("img", name="free again at")).to_be_visible()
    expect(cards["limited"].locator(".reason")).to_have_text("Slow down.")
    errors = live.page.locator("#errors tr", has_text="429 rate_limit_exceeded")
    expect(errors).to_be_visible()


def test_the_hour_is_drawn_and_told_in_words(pool: Pool, live: Tab) -> None:
    pool.has("work")
    for _ in range(3):
        pool.account_for(stream=True)
    for title in ("Requests a minute", "Tokens a minute", "Time to the first token"):
        drawing = live.page.get_by_role("img", name=f"{title}: ")
        expect(drawing.locator("rect").first).to_be_visible()


def test_texts_of_strangers_are_texts(pool: Pool, live: Tab, cards: Cards) -> None:
    """Stored markup: in a label, a model's name and an upstream's reason."""
    markup = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
    labelled = pool.fresh(markup)
    labelled["apiKey"] = "sk-plain-00000000-the-key-of-a-test-account"
    pool.proxy.secrets.add(str(labelled["apiKey"]))
    pool.has(labelled)
    pool.upstream.answers(lambda _: refusal(400, markup, f"No {markup}!"))
    assert pool.ask(model=markup).status_code == 400

    expect(cards[markup]).to_be_visible()
    row = live.page.locator("tr.request").first
    expect(row.locator("td").nth(3)).to_have_text(markup)
    row.get_by_role("button").click()
    expect(live.page.locator("tr.attempts:visible").first).to_contain_text(f"No {markup}!")
    assert live.page.locator("img[src='x'], script:not([src])").count() == 0
    assert "owned" not in live.page.title()


# What it does


def test_an_account_is_disabled_and_enabled_with_the_keyboard(
    pool: Pool, live: Tab, cards: Cards
) -> None:
    pool.has("work", "home")
    button = cards["work"].get_by_role("button", name="Disable: work")
    button.focus()
    live.page.keyboard.press("Enter")
    expect(cards["work"].locator(".badge")).to_have_text("⏸ disabled")
    assert not is_enabled(pool, "work")
    assert pool.account_for() == "home"

    # whoever has pressed it finds the other one under the same finger
    expect(live.page.get_by_role("button", name="Enable: work")).to_be_focused()
    live.page.keyboard.press("Enter")
    expect(cards["work"].locator(".badge")).to_have_text("✓ ready")
    assert is_enabled(pool, "work")


def test_a_change_of_standing_is_spoken(pool: Pool, live: Tab, cards: Cards) -> None:
    pool.has("work")
    cards.press("Disable", "work")
    expect(live.page.locator("#spoken")).to_have_text("Account work is disabled.")


def test_a_cooldown_is_cleared(pool: Pool, cards: Cards) -> None:
    pool.has(pool.fresh("limited", priority=-1), "serving")
    pool.refusing["limited"] = LIMITED
    assert pool.account_for() == "serving"
    pool.refusing.clear()
    cards.press("Ask again now", "limited")
    expect(cards["limited"].locator(".badge")).not_to_have_text("❄ cooling")
    assert pool.account_for() == "limited"


def test_a_person_signs_in(browser: Browser, start_mitm: StartMitm) -> None:
    with OAuthServer(poll_seconds=1) as server, tab(browser) as live:
        options = {"qwen_oauth_base_url": server.url}
        proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], options=options))
        live.open(f"{proxy.url('reverse')}/_qwen/")
        live.page.get_by_role("button", name="Sign in to Qwen").click()
        dialog = live.page.get_by_role("dialog", name="Sign in to Qwen")
        page = f"{server.url}/authorize"
        expect(dialog.get_by_role("link", name=page)).to_have_attribute("href", page)
        dots = sum(row.count("1") for row in qr_rows(page))
        drawn = dialog.locator(".qr path").get_attribute("d")
        assert drawn is not None
        assert drawn.count("M") == dots

        server.decide(live.text("#user-code"), "somebody")

        expect(dialog.get_by_role("status")).to_contain_text("is signed in.")
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_be_hidden()
        expect(live.page.locator("li.account h3")).to_have_text(["qwen"])
        (account,) = json.loads(proxy.accounts_file.read_text("utf-8"))["accounts"]
        proxy.secrets |= {account["refreshToken"], account["accessToken"]}
        live.check(proxy.url("reverse"))


def test_a_sign_in_is_given_up(browser: Browser, start_mitm: StartMitm) -> None:
    with OAuthServer(poll_seconds=1) as server, tab(browser) as live:
        options = {"qwen_oauth_base_url": server.url}
        proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], options=options))
        live.open(f"{proxy.url('reverse')}/_qwen/")
        begin = live.page.locator("#begin-sign-in")
        begin.click()
        live.wait_for("#user-code")
        expect(begin).to_have_text("A sign-in is under way …")
        live.page.keyboard.press("Escape")
        expect(begin).to_have_text("Sign in to Qwen …")
        expect(live.page.get_by_role("dialog")).to_be_hidden()
        live.check(proxy.url("reverse"))


def test_buttons_work_in_more_tabs_than_a_browser_has_connections(pool: Pool, live: Tab) -> None:
    pool.has("work")
    url = f"{pool.proxy.url('reverse')}/_qwen/"
    others = [live.page.context.new_page() for _ in range(7)]
    for each in others:
        each.goto(url)
        expect(each.locator(".connection.live")).to_be_visible()
    others[-1].get_by_role("button", name="Disable: work").click()
    for each in (live.page, *others):
        expect(each.get_by_role("button", name="Enable: work")).to_be_visible()


# What becomes of it


def test_a_proxy_that_starts_again_has_its_page_again(
    browser: Browser, start_mitm: StartMitm
) -> None:
    proxy = start_mitm(Setup(accounts=[], modes=[REVERSE]))
    with tab(browser) as live:
        live.open(f"{proxy.url('reverse')}/_qwen/")
        live.wait_for(".connection.live")
        proxy.stop()
        expect(live.page.locator("#connection")).to_have_text("the proxy is not there")
        proxy.start_again()
        expect(live.page.locator("#connection")).to_have_text("live")


def test_it_is_there_through_the_http_proxy_under_its_own_name(
    browser: Browser, start_mitm: StartMitm
) -> None:
    proxy = start_mitm(Setup(accounts=[]))
    with tab(browser, proxy=proxy.url("regular")) as live:
        live.open("http://qwen.internal/")
        live.wait_for(".connection.live")
        expect(live.page.get_by_text("There is no account yet.")).to_be_visible()
        live.check("http://qwen.internal")


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_keeps_nobody_out(browser: Browser, pool: Pool, scheme: Scheme) -> None:
    pool.has(pool.fresh("limited", priority=-2), pool.fresh("off", enabled=False), "serving")
    pool.refusing["limited"] = LIMITED
    pool.account_for()
    pool.ask(model=3)
    with tab(browser, scheme=scheme) as live:
        live.open(f"{pool.proxy.url('reverse')}/_qwen/")
        live.page.get_by_role("button", name="2 attempts").first.click()
        assert live.barriers() == []
        live.page.set_viewport_size({"width": 320, "height": 600})
        assert live.barriers() == []
        wide = live.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320


def test_the_dialog_keeps_nobody_out(browser: Browser, start_mitm: StartMitm) -> None:
    with OAuthServer() as server, tab(browser) as live:
        options = {"qwen_oauth_base_url": server.url}
        proxy = start_mitm(Setup(accounts=[], modes=[REVERSE], options=options))
        live.open(f"{proxy.url('reverse')}/_qwen/")
        live.page.locator("#begin-sign-in").click()
        live.wait_for("#user-code")
        assert live.barriers() == []


def test_the_keyboard_reaches_everything_in_order(pool: Pool, live: Tab) -> None:
    pool.has("work")
    expect(live.page.locator("li.account h3")).to_have_text(["work"])
    reached = []
    for _ in range(4):
        live.page.keyboard.press("Tab")
        focused = live.page.evaluate(
            "(document.activeElement.ariaLabel || document.activeElement.textContent).trim()"
        )
        reached.append(focused)
    buttons = ["Sign in to Qwen …", "Disable: work"]
    assert reached[:4] == ["Skip to the accounts", *buttons, "Table, to be scrolled"]
