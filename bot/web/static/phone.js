// The feature phone. Its gateway's simulator is in the server: here stands what a person sees and does.

import { find, findAll, hours, isTouch, newId, spaced } from "./dom.js";
import { measure } from "./gsm.js";

const FAILURE = "Connection problem or invalid MMI code.";
const GATEWAY_WAITS_MS = 10_000;

export class Phone {
  /** `onSession` hears "open" and "closed". */
  constructor(setup, onSession = () => {}) {
    this.setup = setup;
    this.onSession = onSession;
    this.msisdn = "";
    this.session = null;
    this.root = find("#phone");
    this.lcd = find(".lcd", this.root);
    this.screen = find(".lcd-screen", this.root);
    this.input = find("#phone-input");
    this.form = find(".lcd-form", this.root);
    this.meter = find(".meter");
    this.note = find(".phone-note");
    this.twice = find("[data-testid=phone-twice]");
    this.gateway = find("[data-testid=phone-gateway]");
    this.wire();
    this.tick();
    setInterval(() => this.tick(), 5000);
    this.rest();
  }

  wire() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    find("[data-testid=phone-send]").addEventListener("click", () => this.send());
    find("[data-testid=phone-end]").addEventListener("click", () => this.hangUp());
    find("[data-testid=phone-delete]").addEventListener("click", () => this.erase());
    find("[data-testid=phone-dial]").addEventListener("click", () => this.dial(this.setup.short_code));
    for (const key of findAll("[data-key]", this.root)) {
      key.addEventListener("click", () => this.type(key.dataset.key));
    }
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.screen.addEventListener("scroll", () => this.markMore());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.hangUp();
      return;
    }
    const button = /^[0-9*#]$/.test(event.key) && find(`[data-key="${CSS.escape(event.key)}"]`, this.root);
    if (button) {
      button.classList.add("down");
      setTimeout(() => button.classList.remove("down"), 120);
      if (event.target !== this.input) this.type(event.key);
    } else if (event.target !== this.input && event.key === "Backspace") this.erase();
    else if (event.key === "Enter" && event.target === this.screen) this.send();
  }

  get state() {
    return this.screen.dataset.state;
  }

  /** Become another number; a session that is open is dropped. */
  use(msisdn) {
    if (this.session) this.hangUp();
    this.msisdn = msisdn;
    find("[data-phone-number]", this.root).textContent = spaced(msisdn);
    this.rest();
  }

  /** Put text where one types, as if keyed in. */
  type(text) {
    if (this.state === "running") return;
    if (this.state === "ended") this.rest();
    this.input.value += text;
    this.focus();
  }

  /** A shop was pressed: its code is dialled, or typed where a dialogue is open. */
  callShop(code) {
    if (this.state === "asking") this.type(code);
    else if (this.state !== "running") this.dial(this.setup.short_code.replace(/#$/, `*${code}#`));
  }

  erase() {
    this.input.value = this.input.value.slice(0, -1);
    this.focus();
  }

  send() {
    const typed = this.input.value;
    if (this.state === "asking") this.answer(typed);
    else if (this.state === "ended") this.rest();
    else if (this.state === "idle") this.dial(typed.trim() || this.setup.short_code);
  }

  /** `*920*10#` begins a session; `*920*10*1001*5#` brings its answers along. */
  dial(code) {
    if (!reaches(code, this.setup.short_code)) {
      this.fail(`This phone reaches ${this.setup.short_code} only.`);
      return;
    }
    this.root.scrollIntoView({ block: "nearest" }); // all keys, where the window is low
    this.session = { gateway: this.gateway.value, session: newId(), msisdn: this.msisdn, dialled: code, typed: [] };
    this.onSession("open");
    this.exchange();
  }

  answer(typed) {
    this.session.typed.push(typed);
    this.exchange();
  }

  async exchange() {
    const { session } = this;
    this.show("USSD code running", "running");
    this.say("");
    const times = this.twice.checked ? 2 : 1;
    const replies = await Promise.all(Array.from({ length: times }, () => this.post(session)));
    if (this.session !== session) return; // hung up meanwhile
    if (times === 2) {
      const same = replies[0] !== null && replies[0].raw === replies[1]?.raw;
      this.say(same ? "Delivered twice: both got the same bytes." : "Delivered twice: the answers differ!", !same);
    }
    this.take(session, replies[0]);
  }

  take(session, reply) {
    if (reply === null) {
      this.finish(session, "failed");
      this.fail(navigator.onLine ? "Kasapay gave no screen." : "You are offline: nothing was sent.");
      return;
    }
    this.show(reply.text, reply.is_open ? "asking" : "ended");
    if (!reply.is_open) this.finish(session, "success");
  }

  /** The red key: leave the session, or clear what stands there. */
  hangUp() {
    if (this.session) this.finish(this.session, "left");
    this.rest();
    this.focus();
  }

  finish(session, ended) {
    this.session = null;
    this.onSession("closed");
    this.post({ ...session, ended });
  }

  /** The screen that came back, or null where the gateway would have given up. */
  async post(call) {
    const gaveUp = new AbortController();
    const timer = setTimeout(() => gaveUp.abort(), GATEWAY_WAITS_MS);
    try {
      const response = await fetch("/try/phone", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(call),
        signal: gaveUp.signal,
      });
      return response.ok ? (await response.json()).screen : null;
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  rest() {
    this.show("", "idle");
    this.say("");
    this.input.value = "";
  }

  fail(why) {
    this.show(FAILURE, "ended");
    this.say(why, true);
  }

  show(text, state) {
    const size = measure(text);
    this.screen.dataset.state = state;
    this.screen.replaceChildren(text.slice(0, size.fits));
    if (size.fits < text.length) {
      const beyond = document.createElement("span");
      beyond.className = "beyond";
      beyond.textContent = text.slice(size.fits);
      this.screen.append(beyond);
    }
    this.screen.scrollTop = 0;
    this.lcd.dataset.input = state === "asking" || state === "idle" ? "on" : "off";
    this.input.readOnly = this.lcd.dataset.input === "off";
    if (state !== "idle") this.input.value = "";
    this.markMore();
    const [left, right] = { idle: ["", "Call"], running: ["Cancel", ""], asking: ["Cancel", "Send"], ended: ["", "OK"] }[state];
    find("[data-soft=left]", this.root).textContent = left;
    find("[data-soft=right]", this.root).textContent = right;
    if (state === "asking" || state === "ended") {
      this.count(size);
      this.focus();
    } else if (state === "idle") this.count(measure(""));
  }

  /** Whether there is more below what the screen shows. */
  markMore() {
    const { scrollHeight, clientHeight, scrollTop } = this.screen;
    this.lcd.dataset.more = scrollHeight - clientHeight - scrollTop > 4 ? "yes" : "no";
  }

  count(size) {
    const over = size.used > size.limit;
    find("i", this.meter).style.width = `${Math.min(100, (100 * size.used) / size.limit)}%`;
    this.meter.classList.toggle("over", over);
    const why = size.foreign ? `, for “${size.foreign}”` : "";
    find(".meter-text", this.meter).textContent = over
      ? `${size.used} of ${size.limit}: a phone cuts here`
      : `${size.used} of ${size.limit} ${size.unit}${why}`;
  }

  say(text, bad = false) {
    this.note.textContent = text;
    this.note.classList.toggle("bad", bad);
  }

  focus() {
    if (isTouch()) return; // the keys on the page are the keyboard
    if (this.state === "ended") this.screen.focus({ preventScroll: true });
    else this.input.focus({ preventScroll: true });
  }

  tick() {
    find(".lcd-clock", this.root).textContent = hours(Date.now());
  }
}

/** Whether the code is the service's, perhaps with answers behind it. */
function reaches(code, service) {
  return code === service || (code.startsWith(`${service.replace(/#$/, "")}*`) && code.endsWith("#"));
}
