// The live list of orders: what each is now, and every step that led there.

import { find, make, seconds } from "./dom.js";

const STATES = {
  NEW: "New",
  PENDING: "Pending",
  NEEDS_OTP: "Needs a code",
  UNRESOLVED: "Unresolved",
  SUCCESSFUL: "Successful",
  FAILED: "Failed",
  REVERSED: "Reversed",
};
const SOURCES = {
  us: "by Kasapay, before anything left",
  reply: "the provider’s reply",
  callback: "asked because a callback came",
  webhook: "asked because a signed webhook came",
  poll: "asked on schedule",
  payer: "the payer’s code",
  operator: "an operator",
};
const CHANNELS = { ussd: "by USSD", telegram: "by Telegram", web: "by web chat" };

export class Orders {
  /** `onOrder` hears each order that changed while the page was open. */
  constructor(onOrder = () => {}) {
    this.onOrder = onOrder;
    this.rows = new Map();
    this.list = find(".orders");
    this.count = find("[data-orders-count]");
    this.list.addEventListener("animationend", (event) => event.target.closest(".order").classList.remove("fresh"));
  }

  /** An order as it is now. */
  take(order) {
    const known = this.rows.get(order.id);
    const state = known?.order.state;
    const row = this.draw(order, known?.row);
    this.rows.set(order.id, { order, row });
    if (!known) {
      this.list.prepend(row);
      for (const other of this.list.children) if (other !== row) find("details", other).open = false;
    }
    this.count.textContent = `${this.rows.size} ${this.rows.size === 1 ? "order" : "orders"}`;
    if (known && state !== order.state) {
      row.classList.remove("fresh");
      void row.offsetWidth;
      row.classList.add("fresh");
    }
    if (state !== order.state) this.onOrder(order, Boolean(known));
  }

  draw(order, row) {
    const open = row ? find("details", row).open : true;
    const fresh = make(
      "li",
      { class: "order", dataset: { testid: "order-row", code: order.code } },
      make(
        "details",
        { open },
        make(
          "summary",
          {},
          make("span", { class: "order-merchant" }, order.merchant || "Merchant"),
          make("span", { class: "order-amount" }, order.amount),
          make(
            "span",
            { class: "order-sub" },
            make("span", { class: "code", "data-testid": "order-code" }, order.code),
            order.provider ? ` · ${order.provider}` : "",
          ),
          make(
            "span",
            { class: "chip", dataset: { state: order.state, testid: "order-state" }, title: order.state },
            STATES[order.state] ?? order.state,
          ),
        ),
        make("p", { class: "order-from" }, `From ${[order.payer, CHANNELS[order.channel]].filter(Boolean).join(", begun ")}`),
        make("ol", { class: "steps", "data-testid": "order-steps" }, ...order.transitions.map(showStep)),
      ),
    );
    if (!row) return fresh;
    const held = row.contains(document.activeElement);
    row.replaceChildren(...fresh.children);
    if (held) find("summary", row).focus({ preventScroll: true });
    return row;
  }
}

function showStep(step) {
  const reason = step.reason ? ` (${step.reason.replaceAll("_", " ")})` : "";
  const what = step.from ? `${STATES[step.from] ?? step.from} → ${STATES[step.to] ?? step.to}` : (STATES[step.to] ?? step.to);
  return make(
    "li",
    { dataset: { to: step.to } },
    make("time", {}, seconds(step.at)),
    make("div", {}, `${what}${reason}`, make("small", {}, SOURCES[step.source] ?? step.source)),
  );
}
