// The chat: what was said here, what came back, and messages that turn into their result.

import { ask, find, findAll, hours, isTouch, make, newId, recall, remember } from "./dom.js";

const TYPING_MS = 12_000;
// What has not reached Kasapay yet. All else that was said here is read back from there.
const UNSENT = "kasapay-unsent";
const DOTS = "••••";

export class Chat {
  /** `onMessage` hears of each message that came while the page was open. */
  constructor(onMessage = () => {}) {
    this.onMessage = onMessage;
    this.last = 0;
    this.seen = new Map(); // message id -> its bubble
    this.byRef = new Map(); // the channel's id -> its bubble
    this.mine = new Map(); // the id we sent a message under -> its bubble
    this.unsent = recall(UNSENT, sessionStorage) ?? [];
    this.secret = false;
    this.root = find("#chat");
    this.log = find(".chat-log", this.root);
    this.list = find(".chat-list", this.root);
    this.typing = find(".chat-typing", this.root);
    this.problem = find(".chat-problem", this.root);
    this.input = find("#chat-input");
    find(".chat-form", this.root).addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (!text) return;
      this.input.value = "";
      this.say({ text }, this.secret ? DOTS : text);
    });
    this.list.addEventListener("animationend", (event) => event.target.closest(".bubble").classList.remove("arriving", "turning"));
    find("[data-say]", this.root).addEventListener("click", () => this.say({ text: "/start" }, "Hello"));
  }

  /** Everything sent since the last message we have. */
  async catchUp() {
    let more = true;
    while (more) {
      const page = await ask(`/chat/history?after=${Math.max(0, this.last - 1)}`);
      const fresh = page.messages.filter((message) => !this.seen.has(message.id));
      for (const message of fresh) this.take(message, false);
      more = page.more && fresh.length > 0;
    }
    for (const one of this.unsent) if (!this.mine.has(one.id)) this.fail(one, this.drawMine(one.id, one.label));
    this.keep(this.unsent.filter((one) => one.what)); // a secret's place is shown once
  }

  /** Where the stream of events is to go on from. */
  get after() {
    return this.last;
  }

  /** A message from Kasapay; one that came before is left out. */
  take(message, isNew = true) {
    if (this.seen.has(message.id)) return;
    this.last = Math.max(this.last, message.at);
    if (message.mine) return this.takeMine(message);
    this.waiting(false);
    // An edit names what it edits, or goes out under the very id of it.
    const edited = this.byRef.get(message.edits || message.ref);
    const late = edited && edited !== this.list.lastElementChild;
    if (edited) this.turn(edited, message);
    let bubble = edited;
    if (!edited || (late && isNew)) {
      bubble = this.draw(message, late ? firstLine(edited.dataset.was) : "");
      if (isNew) bubble.classList.add("arriving");
      this.list.append(bubble);
    }
    this.seen.set(message.id, bubble);
    if (message.ref) this.byRef.set(message.ref, edited ?? bubble);
    this.secret = message.wants === "secret";
    this.input.type = this.secret ? "password" : "text";
    this.input.inputMode = { amount: "decimal", number: "tel", code: "text", secret: "numeric" }[message.wants] ?? "text";
    this.keepOneSetOfButtons(bubble);
    this.toEnd();
    if (isNew) this.onMessage(message);
  }

  draw(message, quote) {
    const words = make("div", { class: "bubble-text" }, quote && make("span", { class: "bubble-quote" }, quote), message.text);
    return make(
      "li",
      { class: "bubble", dataset: { was: message.text, testid: "chat-message" } },
      words,
      this.buttons(message),
      make("span", { class: "bubble-meta" }, hours(message.at)),
    );
  }

  /** A message becomes another one, in its place. */
  turn(bubble, message) {
    const words = find(".bubble-text", bubble);
    words.replaceChildren(message.text);
    find(".bubble-buttons", bubble)?.remove();
    words.after(this.buttons(message));
    find(".bubble-meta", bubble).textContent = `${hours(message.at)}, updated`;
    bubble.classList.remove("turning");
    void bubble.offsetWidth; // begin the animation again
    bubble.classList.add("edited", "turning");
  }

  buttons(message) {
    return make(
      "div",
      { class: "bubble-buttons" },
      ...message.buttons.map((button) =>
        make(
          "button",
          {
            type: "button",
            class: /:[bh]$/.test(button.data) ? "secondary" : "",
            "data-testid": "chat-button",
            "data-button": button.data,
            onclick: () => this.say({ button: button.data }, button.label),
          },
          button.label,
        ),
      ),
    );
  }

  keepOneSetOfButtons(bubble) {
    for (const set of findAll(".bubble-buttons", this.list)) if (set.parentElement !== bubble) set.remove();
  }

  /** Our own words as Kasapay kept them: said here, in another window, or long ago. */
  takeMine(message) {
    const label = message.text === "/start" ? "Hello" : message.text;
    const bubble = this.mine.get(message.of) ?? this.drawMine(message.of, label);
    this.seen.set(message.id, bubble);
    this.arrived(message.of, bubble);
    this.toEnd();
  }

  drawMine(id, label) {
    const bubble = make("li", { class: "bubble mine", dataset: { testid: "chat-mine" } }, make("div", { class: "bubble-text" }, label));
    this.mine.set(id, bubble);
    this.list.append(bubble);
    return bubble;
  }

  /** Say something; the same id is used again when it is sent again, so that it counts once. */
  say(what, label) {
    const one = { id: newId(), what, label };
    const bubble = this.drawMine(one.id, label);
    bubble.classList.add("pending", "arriving");
    // A secret is never written down: after a reload it has to be typed again.
    this.keep([...this.unsent, label === DOTS ? { id: one.id, label } : one]);
    this.deliver(one, bubble);
  }

  async deliver(one, bubble) {
    this.waiting(true);
    this.toEnd();
    for (const button of findAll(".bubble-buttons button", this.list)) button.disabled = true;
    try {
      const { notice } = await ask("/chat/messages", { method: "POST", json: { id: one.id, ...one.what } });
      this.arrived(one.id, bubble);
      this.complain(notice ?? "");
      if (notice) this.passOver(bubble);
    } catch (error) {
      this.complain(error.message);
      this.fail(one, bubble);
      // What Kasapay will never take is not offered again tomorrow.
      if (error.status >= 400 && error.status < 500 && ![401, 408, 429].includes(error.status)) this.forget(one.id);
    }
    if (!isTouch()) this.input.focus({ preventScroll: true });
  }

  /** It was taken, whatever became of the answer that said so. */
  arrived(id, bubble) {
    bubble.classList.remove("pending", "failed");
    find(".bubble-unsent", bubble)?.remove();
    this.forget(id);
  }

  forget(id) {
    this.keep(this.unsent.filter((one) => one.id !== id));
  }

  /** Said in passing: nothing came of the message, and no answer follows. */
  passOver(bubble) {
    this.waiting(false);
    bubble.remove();
    for (const button of findAll(".bubble-buttons button", this.list)) button.disabled = false;
  }

  /** It did not reach Kasapay: that stands at the words themselves, and they can be sent again. */
  fail(one, bubble) {
    this.waiting(false);
    bubble.classList.remove("pending");
    bubble.classList.add("failed");
    for (const button of findAll(".bubble-buttons button", this.list)) button.disabled = false;
    find(".bubble-unsent", bubble)?.remove();
    const note = make("div", { class: "bubble-unsent", dataset: { testid: "chat-unsent" } }, one.what ? "Not sent." : "Not sent. Type it again.");
    if (one.what) {
      const retry = make("button", { type: "button", class: "bubble-retry", dataset: { testid: "chat-retry" } }, "Send again");
      retry.addEventListener("click", () => {
        note.remove();
        bubble.classList.replace("failed", "pending");
        this.deliver(one, bubble);
      });
      note.append(" ", retry);
    }
    bubble.append(note);
    this.toEnd();
  }

  keep(unsent) {
    this.unsent = unsent;
    remember(UNSENT, unsent, sessionStorage);
  }

  waiting(on) {
    clearTimeout(this.timer);
    this.typing.hidden = !on;
    if (on) this.timer = setTimeout(() => this.waiting(false), TYPING_MS);
  }

  complain(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  toEnd() {
    this.log.classList.toggle("has-words", this.list.childElementCount > 0);
    this.log.scrollTop = this.log.scrollHeight;
  }
}

const firstLine = (text) => text.split("\n")[0];
