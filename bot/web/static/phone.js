// The feature phone: plays the Africa's Talking gateway to Kasapay's own entrance.

import { find, findAll, hours, isTouch, newId, spaced } from "./dom.js";
import { measure } from "./gsm.js";

const FAILURE = "Connection problem or invalid MMI code.";
const GATEWAY_WAITS_MS = 10_000;
const NETWORK = "99999";

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
    const arguments_ = dialled(code, this.setup.short_code);
    if (arguments_ === null) {
      this.fail(`This phone reaches ${this.setup.short_code} only.`);
      return;
    }
    this.root.scrollIntoView({ block: "nearest" }); // all keys, where the window is low
    this.session = { id: `ATUid_${newId()}`, inputs: arguments_, began: Date.now(), hops: 0, last: "" };
    this.onSession("open");
    this.exchange();
  }

  answer(typed) {
    this.session.inputs = [...this.session.inputs, typed];
    this.exchange();
  }

  async exchange() {
    const { session } = this;
    this.show("USSD code running", "running");
    this.say("");
    const fields = { ...this.caller(session), text: session.inputs.join("*") };
    const times = this.twice.checked ? 2 : 1;
    const replies = await Promise.all(Array.from({ length: times }, () => this.post("", fields)));
    if (this.session !== session) return; // hung up meanwhile
    session.hops += 1;
    if (times === 2) {
      const same = replies[0] !== null && replies[0] === replies[1];
      this.say(same ? "Delivered twice: both got the same bytes." : "Delivered twice: the answers differ!", !same);
    }
    this.take(session, replies[0]);
  }

  take(session, reply) {
    session.last = reply ?? "";
    if (reply?.startsWith("CON ")) {
      this.show(reply.slice(4), "asking");
    } else if (reply?.startsWith("END ")) {
      this.show(reply.slice(4), "ended");
      this.finish(session, "Success");
    } else {
      this.finish(session, "Failed");
      this.fail(navigator.onLine ? "Kasapay gave no screen." : "You are offline: nothing was sent.");
    }
  }

  /** The red key: leave the session, or clear what stands there. */
  hangUp() {
    if (this.session) this.finish(this.session, "Incomplete");
    this.rest();
    this.focus();
  }

  finish(session, status) {
    this.session = null;
    this.onSession("closed");
    const now = new Date();
    this.post("/events", {
      ...this.caller(session),
      date: now.toISOString().slice(0, 19).replace("T", " "),
      status,
      cost: "0",
      durationInMillis: String(now - session.began),
      hopsCount: String(session.hops),
      input: session.inputs.join("*"),
      lastAppResponse: session.last,
      ...(status === "Failed" ? { errorMessage: "No answer" } : {}),
    });
  }

  caller(session) {
    return {
      sessionId: session.id,
      phoneNumber: this.msisdn,
      serviceCode: this.setup.short_code,
      networkCode: NETWORK,
    };
  }

  /** The reply's text, or null where the gateway would have given up. */
  async post(below, fields) {
    const gaveUp = new AbortController();
    const timer = setTimeout(() => gaveUp.abort(), GATEWAY_WAITS_MS);
    try {
      const response = await fetch(this.setup.ussd_path + below, {
        method: "POST",
        body: new URLSearchParams(fields),
        signal: gaveUp.signal,
      });
      return response.ok ? await response.text() : null;
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

/** The answers dialled behind the service code, or null where the code is another one. */
function dialled(code, service) {
  const stem = service.replace(/#$/, "");
  if (code === service) return [];
  if (!code.startsWith(`${stem}*`) || !code.endsWith("#")) return null;
  return code.slice(stem.length + 1, -1).split("*");
}
