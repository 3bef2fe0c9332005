// The live page: hears of what happens, and has others draw it.

import { Accounts } from "./accounts.js";
import { drawHistory } from "./charts.js";
import { byId, h, say, set } from "./dom.js";
import { Requests } from "./requests.js";
import { SignIn } from "./sign-in.js";
import { around, number } from "./words.js";

const FOLDER = "/_qwen/";
/** A reconnection that takes no longer is not worth a word. */
const PATIENCE_MS = 3000;

/** By how much the proxy's clock is ahead of this one, in milliseconds. */
let ahead = 0;
const now = () => Date.now() + ahead;

const speak = (words) => say(byId("spoken"), words);

/** Has the proxy do something; whether it did. What went wrong is shown. */
async function act(deed, account) {
  if (deed === "sign-in" && !byId("sign-in").open) {
    await signIn.begin(account);
    return true;
  }
  const query = account ? `?account=${encodeURIComponent(account)}` : "";
  try {
    const answer = await fetch(`${FOLDER}do/${deed}${query}`, { method: "POST" });
    const trouble = answer.ok ? "" : (await answer.json()).error.message;
    complain(trouble);
    return answer.ok;
  } catch {
    complain("The proxy cannot be reached.");
    return false;
  }
}

function complain(words) {
  byId("trouble").hidden = !words;
  say(byId("trouble"), words);
}

const accounts = new Accounts(act, speak, now);
const requests = new Requests();
const signIn = new SignIn(act, now);

/** What is wrong with the accounts file. */
function showTroubles(troubles) {
  const list = byId("troubles").firstElementChild;
  list.parentElement.hidden = !troubles.length;
  if ([...list.children].map((each) => each.textContent).join("\n") !== troubles.join("\n"))
    list.replaceChildren(...troubles.map((each) => h("li", {}, each)));
}

function showProxy(status) {
  ahead = status.now_ms - Date.now();
  accounts.show(status.accounts);
  showTroubles(status.troubles);
  const facts = [
    ["under way", number(status.under_way)],
    ["waiting", number(status.waiting)],
    ["strategy", status.strategy],
    ["listens at", status.listeners.map((each) => `${each.host}:${each.port}`).join(", ")],
    ["since", around(status.started_at_ms, now())],
    ["version", status.version],
  ];
  const list = byId("facts");
  if (!list.children.length)
    list.append(...facts.map(([name]) => h("div", {}, h("dt", {}, name), h("dd"))));
  facts.forEach(([, value], index) => say(list.children[index].lastChild, value));
  document.title = status.under_way ? `(${status.under_way}) Qwen proxy` : "Qwen proxy";
}

// The connection

let lost = null;

function connected() {
  clearTimeout(lost);
  lost = null;
  say(byId("connection"), "live");
  set(byId("connection"), "class", "connection live");
}

function disconnected() {
  lost ??= setTimeout(() => {
    say(byId("connection"), "the proxy is not there");
    set(byId("connection"), "class", "connection");
  }, PATIENCE_MS);
}

/** After a restart the proxy does not know this page any more, and has another one. */
async function reloadOnceThere() {
  try {
    const answer = await fetch(`${FOLDER}health`);
    if (answer.ok) return location.reload();
  } catch {
    // not yet
  }
  setTimeout(reloadOnceThere, 1000);
}

function listen() {
  const news = new EventSource(`${FOLDER}events`);
  const on = (name, show) => news.addEventListener(name, (event) => show(JSON.parse(event.data)));
  on("proxy", showProxy);
  on("requests", (ended) => requests.add(ended));
  on("history", drawHistory);
  on("sign-in", (status) => signIn.show(status));
  news.addEventListener("open", connected);
  news.addEventListener("error", () => {
    disconnected();
    if (news.readyState === EventSource.CLOSED) reloadOnceThere();
  });
}

listen();
