// The last requests, newest first, each with its attempts.

import { byId, h } from "./dom.js";
import { NONE, at, number, seconds } from "./words.js";

const MOST = 100;

const LOOKS = {
  served: ["good", "✓ served"],
  refused: ["bad", "✕ refused"],
  cut: ["warn", "⚠ cut"],
  left: ["off", "← client left"],
};

export class Requests {
  constructor() {
    this.body = byId("requests").tBodies[0];
  }

  add(requests) {
    for (const request of requests) {
      const attempts = attemptsOf(request);
      this.body.prepend(row(request, attempts), ...(attempts ? [attempts] : []));
    }
    const rows = [...this.body.querySelectorAll("tr.request")];
    for (const old of rows.slice(MOST)) {
      if (old.nextElementSibling?.classList.contains("attempts")) old.nextElementSibling.remove();
      old.remove();
    }
    byId("no-requests").hidden = rows.length > 0;
  }
}

function row(request, attempts) {
  const [look, words] = LOOKS[request.ending] ?? ["off", request.ending];
  const status = request.ending === "served" || request.status === null ? "" : ` ${request.status}`;
  const speed =
    request.output_tokens && request.flow_seconds
      ? (request.output_tokens / request.flow_seconds).toFixed(1)
      : NONE;
  const input =
    request.input_tokens === null
      ? NONE
      : `${number(request.input_tokens)} (${number(request.cached_tokens)})`;
  const model = request.model ?? NONE;
  return h(
    "tr",
    { class: "request" },
    h("td", { title: request.path }, at(request.ended_at * 1000)),
    h("td", {}, h("span", { class: `badge ${look}` }, words + status)),
    h("td", {}, request.account ?? NONE),
    h("td", {}, request.upstream_model ? `${model} as ${request.upstream_model}` : model),
    h("td", { class: "number" }, input),
    h("td", { class: "number" }, number(request.output_tokens)),
    h("td", { class: "number" }, seconds(request.first_event_seconds)),
    h("td", { class: "number" }, speed),
    h("td", { class: "number" }, seconds(request.seconds)),
    h("td", {}, attempts ? toggle(request, attempts) : number(request.attempts)),
  );
}

/** A row of its own with what went wrong on the way; none where nothing did. */
function attemptsOf(request) {
  const told = request.refused.map((attempt) =>
    h(
      "li",
      {},
      `${attempt.account}: ${attempt.kind}, after ${seconds(attempt.seconds)}: ${attempt.reason}`,
    ),
  );
  const last = request.refused.at(-1);
  if (request.reason && request.reason !== last?.reason) {
    const what = request.kind ? `client refused with ${request.kind}` : request.ending;
    told.push(h("li", {}, `${what}: ${request.reason}`));
  } else if (request.ending === "served" && told.length) {
    told.push(h("li", {}, `${request.account}: served`));
  }
  if (!told.length) return null;
  return h(
    "tr",
    { class: "attempts", id: `attempts-${request.number}`, hidden: true },
    h("td", { colspan: 10 }, h("ol", {}, ...told)),
  );
}

function toggle(request, attempts) {
  const words = request.attempts === 1 ? "1 attempt" : `${number(request.attempts)} attempts`;
  const button = h(
    "button",
    {
      type: "button",
      "aria-expanded": "false",
      "aria-controls": attempts.id,
      on: {
        click: () => {
          attempts.hidden = !attempts.hidden;
          button.setAttribute("aria-expanded", String(!attempts.hidden));
        },
      },
    },
    words,
  );
  return button;
}
