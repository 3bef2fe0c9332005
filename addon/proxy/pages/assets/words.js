// Numbers and times, as people read them.

const count = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
});

export const NONE = "–";

/** 1234 → 1,234. */
export const number = (value) => (value === null ? NONE : count.format(value));

/** 1234 → 1.2K. */
export const compact = (value) => (value === null ? NONE : short.format(value));

/** Seconds, with as many digits as they deserve. */
export function seconds(value) {
  if (value === null) return NONE;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 100)
    return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} s`;
  return left(value * 1000);
}

/** Milliseconds that are left: 4:05, 2 h 3 min, 3 d. */
export function left(ms) {
  const total = Math.max(0, Math.ceil(ms / 1000));
  const minutes = Math.floor(total / 60);
  if (total < 3600) return `${minutes}:${String(total % 60).padStart(2, "0")}`;
  if (total < 48 * 3600) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(total / 86400)} d`;
}

/** A moment (Unix milliseconds) as the clock on the wall has it. */
export const at = (ms) => clock.format(ms);

/** The same without seconds; with its day where that is not within half a day of `now`. */
export const around = (ms, now) => (Math.abs(ms - now) < 43_200_000 ? hour : day).format(ms);

/** A minute since the epoch. */
export const minute = (value) => hour.format(value * 60_000);

/** One thing, or several. */
export const plural = (value, thing) => `${number(value)} ${thing}${value === 1 ? "" : "s"}`;
