// The chat: what was said here, what came back, and messages that turn into their result.

import { ask, find, findAll, hours, isTouch, make, newId, recall, remember } from "./dom.js";

const MOST_KEPT = 60;
const TYPING_MS = 12_000;
const OURS = "kasapay-said";

export class Chat {
  /** `onMessage` hears of each message that came while the page was open. */
  constructor(onMessage = () => {}) {
    this.onMessage = onMessage;
    this.last = 0;
    this.seen = new Map(); // message id -> its bubble
    this.byRef = new Map(); // the channel's id -> its bubble
    this.said = recall(OURS, sessionStorage) ?? [];
    this.latest = "";
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
      this.say({ text }, this.secret ? "•".repeat(text.length) : text);
    });
    this.list.addEventListener("animationend", (event) => event.target.closest(".bubble").classList.remove("arriving", "turning"));
    find("[data-say]", this.root).addEventListener("click", () => this.say({ text: "/start" }, "Hello"));
  }

  /** Everything sent since the last message we have. */
  async catchUp() {
    for (const said of this.said.filter((one) => !one.after)) this.restore(said);
    let more = true;
    while (more) {
      const page = await ask(`/chat/history?after=${Math.max(0, this.last - 1)}`);
      const fresh = page.messages.filter((message) => !this.seen.has(message.id));
      for (const message of fresh) this.take(message, false);
      more = page.more && fresh.length > 0;
    }
  }

  /** Where the stream of events is to go on from. */
  get after() {
    return this.last;
  }

  /** A message from Kasapay; one that came before is left out. */
  take(message, isNew = true) {
    if (this.seen.has(message.id)) return;
    this.last = Math.max(this.last, message.at);
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
    this.latest = message.id;
    this.keepOneSetOfButtons(bubble);
    for (const said of this.said.filter((one) => one.after === message.id)) this.restore(said);
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

  /** Say something; the same id is used again when it is sent again, so that it counts once. */
  say(what, label) {
    const id = newId();
    const bubble = make("li", { class: "bubble mine pending arriving", dataset: { testid: "chat-mine" } }, make("div", { class: "bubble-text" }, label));
    this.list.append(bubble);
    this.log.classList.add("has-words");
    for (const button of findAll(".bubble-buttons button", this.list)) button.disabled = true;
    this.said = [...this.said, { label, after: this.latest }].slice(-MOST_KEPT);
    remember(OURS, this.said, sessionStorage);
    this.deliver(id, what, bubble);
  }

  async deliver(id, what, bubble) {
    this.waiting(true);
    this.toEnd();
    try {
      const { notice } = await ask("/chat/messages", { method: "POST", json: { id, ...what } });
      bubble.classList.remove("pending");
      this.complain(notice ?? "");
      if (notice) this.waiting(false); // said in passing: no message follows
    } catch (error) {
      this.waiting(false);
      bubble.classList.replace("pending", "failed");
      this.complain(error.message);
      for (const button of findAll(".bubble-buttons button", this.list)) button.disabled = false;
      const retry = make("button", { type: "button", class: "bubble-retry" }, "Send again");
      retry.addEventListener("click", () => {
        retry.remove();
        bubble.classList.replace("failed", "pending");
        this.deliver(id, what, bubble);
      });
      bubble.append(retry);
      this.toEnd();
    }
    // A button that was pressed is gone: the focus moves on, but calls up no keyboard.
    if (!isTouch()) this.input.focus({ preventScroll: true });
    else if (document.activeElement === document.body) this.log.focus({ preventScroll: true });
  }

  restore(said) {
    this.list.append(make("li", { class: "bubble mine", dataset: { testid: "chat-mine" } }, make("div", { class: "bubble-text" }, said.label)));
    this.log.classList.add("has-words");
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
