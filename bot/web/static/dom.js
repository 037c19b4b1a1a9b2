// Small things for building the page. Text goes in as text, never as HTML.

export const find = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with attributes (`class`, `on…` listeners, `dataset`) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const random = (bytes) =>
  [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** 32 random hex digits. (crypto.randomUUID exists on https and localhost only.) */
export const newId = () => random(16);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
export const hours = (at) => clock.format(new Date(at));
export const seconds = (at) => clockSeconds.format(new Date(at));

/** Digits in groups, for reading: +233 24 000 0001. */
export const spaced = (msisdn) => {
  const digits = msisdn.replace(/^\+/, "");
  return `+${digits.slice(0, 3)} ${digits.slice(3, 5)} ${digits.slice(5, 8)} ${digits.slice(8)}`.trim();
};

/** An amount in major units as money is written: "GHS", "25" gives 25.00, "UGX", "5000" gives 5,000. */
export function money(currency, amount) {
  const [whole, part = ""] = String(amount).split(".");
  let places = 2;
  try {
    places = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    // A currency the browser has never heard of.
  }
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const rest = part.padEnd(places, "0");
  return rest ? `${grouped}.${rest}` : grouped;
}

/** Whether a finger is the pointer: then the keyboard of the device is not called up by us. */
export const isTouch = () => matchMedia("(pointer: coarse)").matches;

/** A value kept in this browser, or in this window only; private modes may refuse both. */
export function recall(key, storage = localStorage) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}
export function remember(key, value, storage = localStorage) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

/** fetch for our own JSON: throws an Error with the sentence the server gave. */
export async function ask(url, options = {}) {
  const { json, ...rest } = options;
  if (json !== undefined) {
    rest.body = JSON.stringify(json);
    rest.headers = { "Content-Type": "application/json", ...rest.headers };
  }
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...rest });
  } catch {
    throw Object.assign(new Error("No connection to Kasapay."), { status: 0 });
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw Object.assign(new Error(body.error || `It did not work (${response.status}).`), { status: response.status, body });
  }
  return body;
}
