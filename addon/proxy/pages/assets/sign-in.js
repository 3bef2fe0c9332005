// A sign-in: the page to open, the code that is to be seen there, the same for a phone.

import { byId, h, s, say } from "./dom.js";
import { left } from "./words.js";

export class SignIn {
  constructor(act, now) {
    this.act = act;
    this.now = now;
    this.dialog = byId("sign-in");
    this.body = byId("sign-in-body");
    this.actions = this.dialog.querySelector(".actions");
    this.button = byId("begin-sign-in");
    /** The one that is under way, in whichever page it was begun. */
    this.underWay = null;
    this.time = h("span");
    this.button.addEventListener("click", () => (this.underWay ? this.join() : this.begin("")));
    this.dialog.addEventListener("cancel", () => this.giveUp());
    setInterval(() => this.tick(), 500);
  }

  /** Asks for a code; what comes of it arrives like all news. */
  async begin(id) {
    this.tell("Asking for a code …", "Cancel", () => this.giveUp());
    this.dialog.showModal();
    if (!(await this.act("sign-in", id))) this.dialog.close();
  }

  /** One that another page has begun, or this one before it was loaded again. */
  join() {
    this.showCode(this.underWay);
    this.dialog.showModal();
  }

  show(status) {
    this.underWay = status?.stage === "waiting" ? status : null;
    say(this.button, this.underWay ? "A sign-in is under way …" : "Sign in to Qwen …");
    if (!this.dialog.open) return;
    if (this.underWay) this.showCode(status);
    else if (status) this.tell(status.told, "Close", () => this.dialog.close());
  }

  showCode(status) {
    this.expires = status.expires_at * 1000;
    this.body.replaceChildren(
      h("p", {}, "Open this page, in any browser, and see that it shows the code:"),
      h(
        "p",
        {},
        h(
          "a",
          { href: safe(status.page), target: "_blank", rel: "noopener noreferrer" },
          status.page,
        ),
      ),
      h("p", { class: "code", id: "user-code" }, status.user_code),
      qr(status.qr),
      h("p", { class: "quiet" }, "Waiting for you to confirm there; time left: ", this.time),
    );
    this.offer("Cancel", () => this.giveUp());
    this.tick();
  }

  giveUp() {
    this.dialog.close();
    this.act("give-up", "");
  }

  tell(words, way, out) {
    this.body.replaceChildren(h("p", { role: "status" }, words));
    this.offer(way, out);
  }

  offer(words, press) {
    this.actions.replaceChildren(h("button", { type: "button", on: { click: press } }, words));
  }

  tick() {
    if (this.underWay) say(this.time, left(this.expires - this.now()));
  }
}

/** A link to a web page; whatever else a server may have given leads nowhere. */
function safe(url) {
  try {
    const { protocol } = new URL(url);
    return protocol === "https:" || protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

function qr(rows) {
  const path = rows
    .flatMap((row, y) => [...row].map((dot, x) => (dot === "1" ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  const size = rows.length + 8;
  return s(
    "svg",
    {
      class: "qr",
      viewBox: `-4 -4 ${size} ${size}`,
      role: "img",
      "aria-label": "QR code of the page, for a phone",
    },
    s("path", { d: path, fill: "#000" }),
  );
}
