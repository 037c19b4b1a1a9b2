// The wallet handset: PIN prompts, invoices, the balance and the inbox of one number, as the sandbox has them.

import { ask, find, findAll, hours, isTouch, make, money, spaced } from "./dom.js";

const MAKERS = { momo: "MTN MoMo", startbutton: "Startbutton" };

export class Wallet {
  /** `onChange` hears {prompts, unread}; `onApproved` that a PIN was taken. */
  constructor({ onChange, onApproved }) {
    this.onChange = onChange;
    this.onApproved = onApproved;
    this.msisdn = "";
    this.known = new Set();
    this.unread = 0;
    this.prompt = null; // what the sheet asks: a prompt, or an invoice the owner wants to pay
    this.paying = null; // the id of that invoice
    this.before = null; // what had the focus when the sheet took it
    this.reading = null;
    this.root = find("#wallet");
    this.card = find(".wallet-card", this.root);
    this.back = find(".sheet-back", this.root);
    this.sheet = find(".sheet", this.root);
    this.pin = find("#wallet-pin");
    this.problem = find("[data-testid=wallet-problem]");
    this.list = find(".sms-list", this.root);
    this.bills = find(".bills", this.root);
    this.sheet.addEventListener("submit", (event) => {
      event.preventDefault();
      this.press("approve");
    });
    find("[data-testid=wallet-reject]").addEventListener("click", () => this.press("reject"));
    find("[data-testid=wallet-ignore]").addEventListener("click", () => this.press("ignore"));
    const tick = () => (find(".wallet-bar time", this.root).textContent = hours(Date.now()));
    tick();
    setInterval(tick, 5000);
  }

  /** Become the handset of a number; `pin` is its wallet's, `note` stands where a wallet is missing. */
  use({ msisdn, label, pin, note }) {
    this.msisdn = msisdn;
    this.missing = note || "No wallet on this number";
    this.owner = label;
    this.pinHint = pin;
    this.known = null; // what is there already is not news
    this.unread = 0;
    this.list.replaceChildren();
    this.paying = null;
    this.closeSheet();
    this.read();
  }

  /** The inbox was looked at. */
  seen() {
    this.unread = 0;
    for (const message of findAll(".sms.new", this.list)) message.classList.remove("new");
    this.tell();
  }

  /** Read the handset again; calls that meet while one is under way become one more. */
  read() {
    if (this.reading) {
      this.readAgain = true;
      return;
    }
    this.reading = this.fetch().finally(() => {
      this.reading = null;
      if (this.readAgain) {
        this.readAgain = false;
        this.read();
      }
    });
  }

  async fetch() {
    const { msisdn } = this;
    const digits = msisdn.replace("+", "");
    try {
      const { handsets } = await ask("/try/sandbox/handsets");
      const handset =
        handsets.find((one) => one.msisdn === digits) ??
        { name: this.owner, balances: null, prompts: [], invoices: [], ...(await ask(`/try/sandbox/sms?msisdn=${digits}`)) };
      if (msisdn === this.msisdn) this.show(handset);
    } catch {
      // The page's light says that the connection is gone; when it is back, this is read again.
    }
  }

  show(handset) {
    find("[data-wallet-name]", this.root).textContent = handset.name;
    find("[data-wallet-number]", this.root).textContent = spaced(this.msisdn);
    const balances = Object.entries(handset.balances ?? {});
    find(".wallet-balance", this.root).replaceChildren(
      ...(balances.length
        ? balances.map(([currency, amount]) => make("span", {}, make("small", {}, currency), money(currency, amount)))
        : [make("span", { class: "none" }, handset.balances === null ? this.missing : "Empty wallet")]),
    );
    this.showInbox(handset.sms);
    this.showInvoices(handset.invoices);
    this.showSheet(handset.prompts, handset.invoices);
    this.tell();
  }

  showInbox(messages) {
    const first = this.known === null;
    this.known ??= new Set();
    for (const message of messages) {
      if (this.known.has(message.id)) continue;
      this.known.add(message.id);
      if (!first) this.unread += 1;
      this.list.prepend(showSms(message, !first));
    }
    const count = find("[data-wallet-count]", this.root);
    count.textContent = this.unread;
    count.hidden = !this.unread;
  }

  showInvoices(invoices) {
    const held = this.bills.contains(document.activeElement);
    this.bills.hidden = !invoices.length;
    find(".bill-list", this.bills).replaceChildren(
      ...invoices.map((invoice) => {
        const pay = make("button", { type: "button", class: "bill-pay", "data-testid": "invoice-pay" }, "Pay");
        pay.addEventListener("click", () => {
          this.paying = invoice.id;
          this.read();
        });
        const amount = `${invoice.currency} ${money(invoice.currency, invoice.amount)}`;
        const words = [invoice.description, `No. ${invoice.payment_reference}`].filter(Boolean).join(" · ");
        return make("li", { class: "bill", "data-testid": "invoice" }, make("span", {}, invoice.payee), make("b", {}, amount), make("small", {}, words), pay);
      }),
    );
    if (held) (find(".bill-pay", this.bills) ?? this.root).focus({ preventScroll: true });
  }

  /** The first prompt, or else the invoice the owner wants to pay. */
  showSheet(prompts, invoices) {
    const invoice = invoices.find((one) => one.id === this.paying);
    const prompt = prompts[0] ?? (invoice ? { ...invoice, message: invoice.description, text: `Pay ${invoice.payee}`, isInvoice: true } : null);
    if (!prompt) {
      this.closeSheet();
      return;
    }
    const put = (name, text) => (find(`[data-sheet=${name}]`, this.sheet).textContent = text);
    put("more", prompts.length > 1 ? `and ${prompts.length - 1} more after this` : "");
    if (this.prompt?.id === prompt.id) return;
    this.prompt = prompt;
    put("kind", prompt.isInvoice ? "An invoice for you" : `${MAKERS[prompt.provider] ?? prompt.provider} asks you to approve`);
    put("title", prompt.text);
    put("amount", prompt.amount === null ? "" : `${prompt.currency} ${money(prompt.currency, prompt.amount)}`);
    put("message", prompt.message ?? "");
    find("[data-testid=wallet-reject]").hidden = prompt.isInvoice ?? false; // an invoice is paid or left
    put("hint", this.pinHint ? `(it is ${this.pinHint})` : "");
    this.problem.textContent = "";
    this.pin.value = "";
    this.back.hidden = false;
    this.card.inert = true; // covered
    // Take the focus only where nothing is being typed.
    if (!isTouch() && !document.activeElement?.matches("input, select")) {
      this.before = document.activeElement;
      this.pin.focus({ preventScroll: true });
    }
  }

  /** The focus goes back to where the sheet took it from, or stays in the wallet; never nowhere. */
  closeSheet() {
    const held = this.sheet.contains(document.activeElement);
    this.prompt = null;
    this.back.hidden = true;
    this.card.inert = false;
    if (held) (this.before?.checkVisibility?.() ? this.before : this.root).focus({ preventScroll: true });
    this.before = null;
  }

  async press(action) {
    const { prompt } = this;
    if (!prompt) return;
    if (action === "approve" && !this.pin.value) {
      this.problem.textContent = "Type the wallet’s PIN first.";
      this.pin.focus();
      return;
    }
    if (prompt.isInvoice && action !== "approve") {
      this.paying = null;
      this.closeSheet();
      this.read();
      return;
    }
    const pin = action === "approve" ? { pin: this.pin.value } : {};
    const [kind, body] = prompt.isInvoice ? ["invoices", { action: "pay", ...pin }] : ["prompts", { action, ...pin }];
    this.problem.textContent = "";
    try {
      const number = encodeURIComponent(this.msisdn.replace("+", ""));
      await ask(`/try/sandbox/handsets/${number}/${kind}/${encodeURIComponent(prompt.id)}`, { method: "POST", json: body });
      if (action === "approve") this.onApproved();
      if (prompt.isInvoice) this.paying = null;
      if (this.prompt?.id === prompt.id) this.closeSheet();
    } catch (error) {
      const left = error.body?.tries_left;
      this.problem.textContent = left ? `${error.message} ${left} ${left === 1 ? "try" : "tries"} left.` : error.message;
      this.pin.value = "";
      this.pin.focus({ preventScroll: true });
    }
    this.read();
  }

  tell() {
    const count = find("[data-wallet-count]", this.root);
    count.hidden = !this.unread;
    this.onChange({ prompts: this.prompt && !this.prompt.isInvoice ? 1 : 0, unread: this.unread });
  }
}

function showSms(message, isNew) {
  const code = /code|otp|pin|passcode/i.test(message.text) ? (message.text.match(/(?<![\d.,])\d{4,8}(?![\d.,]*\d)/) ?? [])[0] : undefined;
  return make(
    "li",
    { class: isNew ? "sms new arriving" : "sms", "data-testid": "sms" },
    make("div", { class: "sms-head" }, make("b", {}, message.from), make("time", {}, hours(message.at))),
    make("p", {}, message.text),
    code && copyButton(code),
  );
}

function copyButton(code) {
  const label = make("span", {}, "Copy ", make("span", { class: "code" }, code));
  const button = make("button", { type: "button", class: "sms-copy", "data-testid": "sms-copy", "data-code": code }, label);
  button.addEventListener("click", async () => {
    await copy(code);
    label.textContent = "Copied";
    setTimeout(() => label.replaceChildren("Copy ", make("span", { class: "code" }, code)), 1500);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http on a LAN has no clipboard: the old way.
    const before = document.activeElement;
    const field = make("textarea", { class: "sr-only", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    before?.focus({ preventScroll: true });
  }
}
