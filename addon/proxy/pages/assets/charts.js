// Drawings of the last hour, in SVG. Each says in words what it shows.

import { byId, h, s, set } from "./dom.js";
import { compact, minute, number, plural, seconds } from "./words.js";

const WIDTH = 640;
const HEIGHT = 170;
const LEFT = 44;
const TOP = 14;
const BOTTOM = 22;

const REQUESTS = [
  ["served", "served"],
  ["moved", "served by another account"],
  ["refused", "refused"],
  ["cut", "cut"],
  ["left", "client left"],
];
const TOKENS = [
  ["input_tokens", "input", "input"],
  ["cached_tokens", "input from the cache", "cached"],
  ["output_tokens", "output", "output"],
];

export function drawHistory(picture) {
  drawStack(
    "requests-chart",
    "requests-title",
    picture,
    REQUESTS.map(([key, words]) => [key, words, key]),
    (sum) => plural(sum, "request"),
  );
  drawStack("tokens-chart", "tokens-title", picture, TOKENS, (sum) => `${compact(sum)} tokens`);
  drawFirst(picture);
  drawErrors(picture);
}

/** Bars, one for each minute, in layers. */
function drawStack(place, title, picture, layers, inWords) {
  const totals = picture.served.map((_, index) =>
    layers.reduce((sum, [key]) => sum + picture[key][index], 0),
  );
  const most = niceMost(Math.max(...totals, 1));
  const drawing = chart(
    title,
    `${inWords(sum(totals))} in an hour, at most ${compact(Math.max(...totals))} a minute`,
  );
  scale(drawing, most);
  const step = (WIDTH - LEFT) / totals.length;
  totals.forEach((total, index) => {
    if (!total) return;
    let base = 0;
    const parts = layers.map(([key, words]) =>
      picture[key][index] ? `${number(picture[key][index])} ${words}` : null,
    );
    const column = s(
      "g",
      {},
      s(
        "title",
        {},
        `${minute(picture.first_minute + index)}: ${parts.filter(Boolean).join(", ")}`,
      ),
    );
    for (const [key, , look] of layers) {
      const tall = heightOf(picture[key][index], most);
      if (!tall) continue;
      column.append(
        s("rect", {
          class: look,
          x: LEFT + index * step + 1,
          width: step - 2,
          y: HEIGHT - BOTTOM - base - tall,
          height: tall,
        }),
      );
      base += tall;
    }
    drawing.append(column);
  });
  for (const index of [0, 15, 30, 45, 59]) {
    drawing.append(
      s(
        "text",
        {
          x: LEFT + (index + 0.5) * step,
          y: HEIGHT - 6,
          "text-anchor": index === 59 ? "end" : "middle",
        },
        minute(picture.first_minute + index),
      ),
    );
  }
  put(
    place,
    drawing,
    legend(layers.map(([key, words, look]) => [look, `${words} ${compact(sum(picture[key]))}`])),
  );
}

/** A column for each span of time in which the first event came. */
function drawFirst(picture) {
  const { first_event_bounds: bounds, first_events: counts } = picture;
  const total = sum(counts);
  const most = niceMost(Math.max(...counts, 1));
  const drawing = chart(
    "first-title",
    total
      ? `${plural(total, "answer")}; half of them began within ${median(bounds, counts)}`
      : "no answers yet",
  );
  scale(drawing, most);
  const step = (WIDTH - LEFT) / counts.length;
  counts.forEach((count, index) => {
    const x = LEFT + index * step;
    const within =
      index < bounds.length
        ? `within ${seconds(bounds[index])}`
        : `after more than ${seconds(bounds.at(-1))}`;
    const tall = heightOf(count, most);
    if (tall)
      drawing.append(
        s(
          "rect",
          { class: "output", x: x + 3, width: step - 6, y: HEIGHT - BOTTOM - tall, height: tall },
          s("title", {}, `${number(count)} ${within}`),
        ),
      );
    if (index < bounds.length)
      drawing.append(
        s("text", { x: x + step, y: HEIGHT - 6, "text-anchor": "middle" }, seconds(bounds[index])),
      );
  });
  put(
    "first-chart",
    drawing,
    legend([["output", total ? `half of them within ${median(bounds, counts)}` : "none yet"]]),
  );
}

/** A table: refusals that clients did not see, and those that they did. */
function drawErrors(picture) {
  if (!picture.errors.length) {
    byId("errors").replaceChildren(h("p", { class: "quiet" }, "None in the last hour."));
    return;
  }
  const rows = picture.errors.map((error) => {
    const most = Math.max(...error.minutes);
    const line = s("svg", {
      viewBox: "0 0 60 10",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    error.minutes.forEach((count, index) => {
      const tall = (10 * count) / most;
      if (count)
        line.append(
          s("rect", { class: "refused", x: index + 0.1, width: 0.8, y: 10 - tall, height: tall }),
        );
    });
    return h(
      "tr",
      {},
      h("td", {}, error.kind),
      h("td", { class: "number" }, number(error.unseen)),
      h("td", { class: "number" }, number(error.told)),
      h("td", {}, line),
    );
  });
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "Kind"),
    h("th", { scope: "col", class: "number" }, "Attempts"),
    h("th", { scope: "col", class: "number" }, "Told to clients"),
    h("th", { scope: "col" }, "Over the hour"),
  );
  byId("errors").replaceChildren(
    h("table", { class: "errors" }, h("thead", {}, head), h("tbody", {}, ...rows)),
  );
}

// Parts

function chart(title, words) {
  return s("svg", {
    class: "chart",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": `${byId(title).textContent}: ${words}`,
  });
}

function scale(drawing, most) {
  for (const share of [0, 0.5, 1]) {
    const y = HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
    drawing.append(
      s("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y }),
      s("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, compact(share * most)),
    );
  }
}

function legend(entries) {
  const items = entries.map(([look, words]) =>
    h(
      "li",
      {},
      s(
        "svg",
        { viewBox: "0 0 10 10", "aria-hidden": "true" },
        s("rect", { class: look, width: 10, height: 10, rx: 2 }),
      ),
      words,
    ),
  );
  return h("ul", { class: "legend" }, ...items);
}

/** Replaces what is drawn; drawings are small, and an hour changes once a minute or request. */
function put(place, ...elements) {
  byId(place).replaceChildren(...elements);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

const heightOf = (value, most) =>
  value ? Math.max(1, (value / most) * (HEIGHT - BOTTOM - TOP)) : 0;

/** The next number that is easily halved. */
function niceMost(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return (
    [1, 2, 4, 6, 8, 10].map((each) => each * power).find((each) => each >= value && each >= 2) ?? 2
  );
}

function median(bounds, counts) {
  const half = sum(counts) / 2;
  let seen = 0;
  const index = counts.findIndex((count) => (seen += count) >= half);
  return index < bounds.length ? seconds(bounds[index]) : `more than ${seconds(bounds.at(-1))}`;
}
