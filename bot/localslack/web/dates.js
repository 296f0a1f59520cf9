/** Instants in the reader's device zone, as Slack writes them. All inputs are Unix seconds. */

const DAY = 86_400;
const HALF_YEAR = 183 * DAY;

/** The IANA name of the zone this browser runs in. */
export function deviceZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Fill the format of a `<!date^…>` token, for example `{date_short_pretty}, {time}`. */
export function fillDate(format, seconds, { zone, now }) {
  const fields = {
    date_num: () => numeric(seconds, zone),
    date_slash: () => numeric(seconds, zone).replaceAll("-", "/"),
    date: () => dated(seconds, { zone, now, month: "long" }),
    date_short: () => dated(seconds, { zone, now, month: "short" }),
    date_long: () => dated(seconds, { zone, now, month: "long", weekday: "long" }),
    date_pretty: () => relative(seconds, { zone, now }) ?? fields.date(),
    date_short_pretty: () => relative(seconds, { zone, now }) ?? fields.date_short(),
    date_long_pretty: () => relative(seconds, { zone, now }) ?? fields.date_long(),
    time: () => clockTime(seconds, zone),
    time_secs: () => formatted(seconds, zone, { ...HOURS, second: "2-digit" }),
    ago: () => ago(seconds - now),
  };
  let first = true;
  return format.replace(/\{(\w+)\}/g, (token, name) => {
    if (!fields[name]) return token;
    const text = fields[name]();
    const filled = first ? text : text.replace(/^(Today|Tomorrow|Yesterday)$/, (day) => day.toLowerCase());
    first = false;
    return filled;
  });
}

/** Hours and minutes, 24 hours a day. */
export function clockTime(seconds, zone) {
  return formatted(seconds, zone, HOURS);
}

/** Weekday, day, month and year: `Mon 23 Nov 2026`. */
export function dayName(seconds, zone) {
  const part = parts(seconds, zone, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  return `${part.weekday} ${part.day} ${part.month} ${part.year}`;
}

/** A full instant with its zone: `Mon 23 Nov 2026, 10:12 GMT+08:00`. */
export function fullInstant(seconds, zone) {
  return `${dayName(seconds, zone)}, ${clockTime(seconds, zone)} ${offsetName(seconds, zone)}`;
}

/** The zone's distance from Greenwich at that instant: `GMT+08:00`. */
export function offsetName(seconds, zone) {
  const { timeZoneName } = parts(seconds, zone, { timeZoneName: "longOffset" });
  return timeZoneName === "GMT" ? "GMT+00:00" : timeZoneName;
}

/** The calendar day there, as `YYYY-MM-DD`. */
export function numeric(seconds, zone) {
  const part = parts(seconds, zone, { year: "numeric", month: "2-digit", day: "2-digit" });
  return `${part.year}-${part.month}-${part.day}`;
}

/** Read `YYYY-MM-DDTHH:MM` as a wall clock in that zone. */
export function fromWallClock(text, zone) {
  const wanted = Date.parse(`${text}Z`) / 1000;
  if (Number.isNaN(wanted)) return null;
  const guess = wanted - offsetSeconds(wanted, zone);
  return wanted - offsetSeconds(guess, zone);
}

/** The wall clock there, as `YYYY-MM-DDTHH:MM`. */
export function toWallClock(seconds, zone) {
  return `${numeric(seconds, zone)}T${clockTime(seconds, zone)}`;
}

const HOURS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

function formatted(seconds, zone, options) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(seconds * 1000);
}

function parts(seconds, zone, options) {
  const formatter = new Intl.DateTimeFormat("en-US", { timeZone: zone, ...options });
  return Object.fromEntries(formatter.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
}

function offsetSeconds(seconds, zone) {
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(offsetName(seconds, zone));
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

function dated(seconds, { zone, now, month, weekday }) {
  const part = parts(seconds, zone, { day: "numeric", month, year: "numeric", ...(weekday && { weekday }) });
  const day = month === "long" ? ordinal(Number(part.day)) : part.day;
  const year = Math.abs(seconds - now) < HALF_YEAR ? "" : `, ${part.year}`;
  return `${part.weekday ? `${part.weekday}, ` : ""}${part.month} ${day}${year}`;
}

function ordinal(day) {
  const teen = day % 100 >= 11 && day % 100 <= 13;
  return `${day}${teen ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th")}`;
}

function relative(seconds, { zone, now }) {
  const days = (Date.parse(numeric(seconds, zone)) - Date.parse(numeric(now, zone))) / (DAY * 1000);
  return { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" }[days] ?? null;
}

function ago(distance) {
  const units = [
    ["day", DAY],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ];
  const [unit, size] = units.find(([, length]) => Math.abs(distance) >= length) ?? units[3];
  return new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(Math.round(distance / size), unit);
}
