// One card for each account: what it can do, how it feels, what may be done with it.

import { byId, h, s, say, set } from "./dom.js";
import { around, compact, left, number, plural } from "./words.js";

/** By standing: how its badge looks, and what can be done about it. */
const STANDINGS = {
  ready: { look: "good", sign: "✓" },
  tired: { look: "warn", sign: "◔" },
  "held back": { look: "cold", sign: "◷", rests: true },
  cooling: { look: "cold", sign: "❄", rests: true },
  tripped: { look: "bad", sign: "⚡", rests: true },
  refused: { look: "bad", sign: "✕", rests: true },
  "sign in again": { look: "bad", sign: "↻" },
  disabled: { look: "off", sign: "⏸" },
  unusable: { look: "bad", sign: "✕" },
};
const LOW_HEALTH = 50;
const ROUND = 2 * Math.PI * 42;

export class Accounts {
  /** `act(deed, id)` does something; `speak` says a sentence to those who do not see. */
  constructor(act, speak, now) {
    this.cards = new Map();
    this.act = act;
    this.speak = speak;
    this.now = now;
    // a countdown goes on between two messages
    setInterval(() => this.cards.forEach((card) => card.tick()), 500);
  }

  show(accounts) {
    const list = byId("accounts");
    const ids = new Set(accounts.map((account) => account.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    const labels = accounts.map((account) => account.label ?? account.id);
    accounts.forEach((account, index) => {
      let card = this.cards.get(account.id);
      if (!card) {
        card = new Card(this);
        set(card.element, "data-account", account.id);
        this.cards.set(account.id, card);
      }
      const isShared = labels.filter((label) => label === labels[index]).length > 1;
      card.show(account, isShared ? `${labels[index]} (${account.id})` : labels[index]);
      if (list.children[index] !== card.element)
        list.insertBefore(card.element, list.children[index] ?? null);
    });
    byId("no-accounts").hidden = accounts.length > 0;
  }
}

class Card {
  constructor(owner) {
    this.owner = owner;
    this.account = null;
    /** When the rest that is under way was first seen: its ring empties from there. */
    this.restSeen = { until: null, since: null };
    this.name = h("h3");
    this.badge = h("span", { class: "badge" });
    this.where = h("p", { class: "where" });
    this.reason = h("p", { class: "reason", hidden: true });
    this.fill = s("circle", {
      class: "fill",
      cx: 50,
      cy: 50,
      r: 42,
      "stroke-dasharray": ROUND,
      transform: "rotate(-90 50 50)",
    });
    this.middle = s("text", { x: 50, y: 45 });
    this.below = s("text", { class: "small", x: 50, y: 68 });
    this.ring = s(
      "svg",
      { class: "ring", viewBox: "0 0 100 100", role: "img" },
      s("circle", { class: "track", cx: 50, cy: 50, r: 42 }),
      this.fill,
      this.middle,
      this.below,
    );
    this.level = s("rect", { height: 10 });
    this.bar = s(
      "svg",
      { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img" },
      this.level,
    );
    this.levelTold = h("span", { class: "told", "aria-hidden": "true" });
    this.facts = new Map();
    this.list = h("dl");
    this.buttons = h("div", { class: "actions" });
    this.shown = "";
    this.element = h(
      "li",
      { class: "account" },
      h("div", { class: "top" }, h("div", {}, this.name, this.where), this.badge),
      h("div", { class: "gauges" }, this.ring, this.list),
      h(
        "div",
        { class: "bucket" },
        h("span", { class: "quiet", "aria-hidden": "true" }, "bucket"),
        this.bar,
        this.levelTold,
      ),
      this.reason,
      this.buttons,
    );
  }

  /** `name` is no other account's. */
  show(account, name) {
    const before = this.account;
    this.account = account;
    const standing = STANDINGS[account.standing] ?? { look: "off", sign: "?" };
    say(this.name, name);
    say(this.badge, `${standing.sign} ${account.standing}`);
    set(this.badge, "class", `badge ${standing.look}`);
    set(this.element, "class", `account${account.enabled ? "" : " off"}`);
    const place = account.base_url ? hostOf(account.base_url) : "no base URL";
    say(
      this.where,
      `${account.kind} · ${place}${account.priority ? ` · priority ${account.priority}` : ""}`,
    );
    this.reason.hidden = !account.reason;
    say(this.reason, account.reason);
    this.showBucket();
    this.showFacts();
    this.showButtons(name, standing);
    this.tick();
    if (before && before.standing !== account.standing)
      this.owner.speak(`Account ${name} is ${account.standing}.`);
  }

  /** The ring shows how much of a rest is left; where there is none, the health. */
  tick() {
    const { account } = this;
    const rest = account.until_ms === null ? 0 : account.until_ms - this.owner.now();
    if (rest > 0) {
      if (this.restSeen.until !== account.until_ms)
        this.restSeen = { until: account.until_ms, since: rest };
      this.turn(rest / this.restSeen.since, "fill rest", left(rest), "free in");
      set(this.ring, "aria-label", `free again at ${around(account.until_ms, this.owner.now())}`);
      return;
    }
    const health = Math.round(account.health);
    this.turn(
      account.health / 100,
      `fill${account.health < LOW_HEALTH ? " low" : ""}`,
      `${health}`,
      "health",
    );
    set(this.ring, "aria-label", `health ${health} of 100`);
  }

  turn(share, look, middle, below) {
    set(this.fill, "stroke-dashoffset", (ROUND * (1 - Math.min(1, Math.max(0, share)))).toFixed(1));
    set(this.fill, "class", look);
    say(this.middle, middle);
    set(this.middle, "class", middle.length > 4 ? "long" : "");
    say(this.below, below);
  }

  showBucket() {
    const { bucket, bucket_size: size } = this.account;
    set(this.level, "width", size > 0 ? Math.min(100, (100 * bucket) / size).toFixed(1) : 0);
    say(this.levelTold, `${Math.floor(bucket)} of ${size}`);
    set(this.bar, "aria-label", `bucket: ${Math.floor(bucket)} of ${size} requests`);
  }

  showFacts() {
    const { account, owner } = this;
    const { today } = account;
    this.fact("in flight", number(account.in_flight));
    this.fact("served today", number(today.served));
    this.fact("refused today", number(today.refused));
    this.fact(
      "tokens today",
      `${compact(today.input_tokens)} in, ${compact(today.output_tokens)} out`,
    );
    this.fact(
      "of it cached",
      today.input_tokens
        ? `${Math.round((100 * today.cached_tokens) / today.input_tokens)} %`
        : null,
    );
    this.fact("health", account.until_ms === null ? null : `${Math.round(account.health)} of 100`);
    this.fact(
      "learned limit",
      account.requests_per_minute === null
        ? null
        : `${number(account.requests_per_minute)} a minute`,
    );
    this.fact("models cooling", Object.keys(account.models_cooling).join(", ") || null);
    const failures = account.failures ? plural(account.failures, "failure") : null;
    this.fact(
      "breaker",
      account.breaker === "open" ? `open, after ${failures}` : failures && `${failures} in a row`,
    );
    this.fact(
      "token until",
      account.token_expires_ms === null ? null : around(account.token_expires_ms, owner.now()),
    );
    this.fact(
      "last used",
      account.last_used_ms === null ? null : around(account.last_used_ms, owner.now()),
    );
  }

  fact(name, value) {
    let fact = this.facts.get(name);
    if (!fact) {
      fact = { term: h("dt", {}, name), told: h("dd") };
      this.facts.set(name, fact);
      this.list.append(fact.term, fact.told);
    }
    fact.term.hidden = fact.told.hidden = value === null;
    say(fact.told, value ?? "");
  }

  showButtons(name, standing) {
    const { account } = this;
    const isSignIn = account.kind === "sign-in";
    const deeds = [
      account.enabled ? ["disable", "Disable"] : ["enable", "Enable"],
      standing.rests ? ["ask-again", "Ask again now"] : null,
      isSignIn && account.standing === "sign in again" ? ["sign-in", "Sign in again …"] : null,
      isSignIn && account.enabled && account.standing !== "sign in again"
        ? ["renew", "Renew token"]
        : null,
    ].filter(Boolean);
    const shown = JSON.stringify([deeds, name]);
    if (shown === this.shown) return;
    this.shown = shown;
    const had = [...this.buttons.children].indexOf(document.activeElement);
    this.buttons.replaceChildren(...deeds.map(([deed, words]) => this.button(deed, words, name)));
    // whoever has just pressed one goes on from there
    if (had >= 0) this.buttons.children[Math.min(had, deeds.length - 1)].focus();
  }

  button(deed, words, name) {
    const press = async () => {
      button.setAttribute("aria-disabled", "true");
      await this.owner.act(deed, this.account.id);
      button.removeAttribute("aria-disabled");
    };
    const button = h(
      "button",
      {
        type: "button",
        "data-deed": deed,
        "aria-label": `${words.replace(" …", "")}: ${name}`,
        on: { click: press },
      },
      words,
    );
    return button;
  }
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
