// The try-it page: who one is, which part is shown, the first steps, and the one stream behind it all.

import { ask, find, findAll, make, recall, remember, spaced } from "./dom.js";
import { Chat } from "./chat.js";
import { follow, showState } from "./live.js";
import { Orders } from "./orders.js";
import { Phone } from "./phone.js";
import { Switches } from "./switches.js";
import { Wallet } from "./wallet.js";

const stage = find("#stage");
const guide = find("#guide");
const badge = (name, count) => {
  const element = find(`[data-badge=${name}]`);
  element.textContent = count;
  element.hidden = !count;
};

// ---- which part is shown --------------------------------------------------------------------------

const isShown = (part) => find(`[data-panel=${part}]`).offsetParent !== null;

function open(part) {
  if (part !== stage.dataset.active) {
    scrollTo(0, 0);
    if (stage.dataset.active === "wallet") wallet.seen(); // whoever leaves it has looked
  }
  stage.dataset.active = part;
  if (["chat", "orders", "switches"].includes(part)) stage.dataset.side3 = part;
  if (["orders", "switches"].includes(part)) stage.dataset.side2 = part;
  markTabs();
  showNudge();
  if (part === "chat") {
    badge("chat", (unreadChat = 0));
    chat.toEnd();
  }
}

function markTabs() {
  for (const tab of findAll("[data-tab]")) tab.setAttribute("aria-current", String(isShown(tab.dataset.tab)));
}

addEventListener("resize", markTabs);
markTabs();

// Where the wallet is out of sight, what happens there leads to it.
const nudge = find("[data-testid=to-wallet]");
let waiting = { prompts: 0, unread: 0 };
function showNudge() {
  const { prompts, unread } = waiting;
  find("span", nudge).textContent = prompts ? "The wallet asks for its PIN." : "The wallet has an SMS.";
  nudge.hidden = isShown("wallet") || !(prompts || unread);
}
nudge.addEventListener("click", () => {
  open("wallet");
  find("#wallet").focus({ preventScroll: true });
});

// ---- the first steps --------------------------------------------------------------------------------

const STEPS = ["dial", "approve", "result"];

function finish(step) {
  const reached = STEPS.indexOf(step) + 1;
  const done = Math.max(reached, Number(guide.dataset.done ?? 0));
  guide.dataset.done = done;
  guide.dataset.step = STEPS[Math.min(done, STEPS.length - 1)];
  for (const [index, item] of findAll("li", guide).entries()) {
    item.classList.toggle("done", index < done);
    item.classList.toggle("now", index === done);
    item.classList.toggle("shown", index === Math.min(done, STEPS.length - 1)); // where there is room for one
  }
}

finish(null);
guide.hidden = recall("kasapay-guide") === "closed";
find(".guide-close").addEventListener("click", () => {
  guide.hidden = true;
  find("#who").focus({ preventScroll: true });
  remember("kasapay-guide", "closed");
});

// ---- the parts ------------------------------------------------------------------------------------

/** Who and what there is; asked for until it comes. */
async function setUp() {
  for (;;) {
    try {
      return await ask("/try/setup");
    } catch {
      state(navigator.onLine ? "down" : "offline");
      await new Promise((later) => setTimeout(later, 1500));
    }
  }
}

const SEEN_MS = 5000; // so long a message that lies open counts as news
let looking = 0;
let unreadChat = 0;
const state = showState(find("[data-live]"), find("[data-away]"));
const setup = await setUp();
const phone = new Phone(setup);
const wallet = new Wallet({
  onChange: ({ prompts, unread }) => {
    badge("wallet", prompts + unread);
    waiting = { prompts, unread };
    showNudge();
    clearTimeout(looking);
    if (unread && isShown("wallet")) looking = setTimeout(look, SEEN_MS);
    if (prompts) finish("dial");
  },
  onApproved: () => finish("approve"),
});
const chat = new Chat(() => {
  if (!isShown("chat")) badge("chat", (unreadChat += 1));
});
const orders = new Orders((order, changed) => {
  if (changed && ["SUCCESSFUL", "FAILED"].includes(order.state)) finish("result");
});
const switches = new Switches((count) => badge("switches", count));

for (const tab of findAll("[data-tab]")) tab.addEventListener("click", () => open(tab.dataset.tab));
for (const shop of findAll(".shop")) {
  shop.addEventListener("click", () => {
    open("phone");
    phone.callShop(shop.dataset.code);
  });
}

// Looking at the inbox makes its messages read.
function look() {
  if (isShown("wallet")) wallet.seen();
}
find("#wallet").addEventListener("pointerdown", look);
find("#wallet").addEventListener("focusin", look);
find("[data-tab=wallet]").addEventListener("click", () => setTimeout(look, SEEN_MS));

// ---- who one is -----------------------------------------------------------------------------------

const merchants = new Map(setup.merchants.map((merchant) => [merchant.code, merchant]));
const people = [
  ...setup.customers.map((person) => ({ ...person, kind: "Customers" })),
  ...setup.staff.map((person) => ({ ...person, kind: "Merchants’ staff", shop: merchants.get(person.merchant)?.name ?? person.merchant })),
];
const who = find("#who");
for (const kind of new Set(people.map((person) => person.kind))) {
  who.append(
    make(
      "optgroup",
      { label: kind },
      ...people
        .filter((person) => person.kind === kind)
        .map((person) => make("option", { value: person.msisdn }, named(person))),
    ),
  );
}

/** A label says who; what it leaves out is added. */
function named({ label, shop, msisdn }) {
  if (shop) return label.includes(shop) ? label : `${label}, ${shop}`;
  return `${label}, ${spaced(msisdn)}`;
}

function become(person) {
  who.value = person.msisdn;
  remember("kasapay-who", person.msisdn, sessionStorage);
  phone.use(person.msisdn);
  const own = person.shop ? undefined : person.pin;
  wallet.use({ msisdn: person.msisdn, label: person.label, pin: own, note: person.shop && `Staff PIN: ${person.pin}` });
  for (const hint of findAll("[data-wallet-pin]")) if (own) hint.textContent = own;
}

who.addEventListener("change", () => become(people.find((person) => person.msisdn === who.value)));
const before = recall("kasapay-who", sessionStorage);
become(people.find((person) => person.msisdn === before) ?? people[0]);

// ---- what happens ---------------------------------------------------------------------------------

const plain = (msisdn) => msisdn.replace("+", "");
const onSandbox = {
  up: () => {
    wallet.read();
    switches.read();
  },
  down: () => switches.complain("The sandbox does not answer."),
  handset: (data) => data.msisdn === plain(wallet.msisdn) && wallet.read(),
  sms: (data) => data.msisdn === plain(wallet.msisdn) && wallet.read(),
  faults: () => switches.read(),
  reset: () => wallet.read(),
};

await chat.catchUp().catch(() => {});
follow(
  () => `/try/events?after=${chat.after}`,
  {
    order: (order) => orders.take(order),
    message: (message) => chat.take(message),
    sandbox: ({ event, data }) => onSandbox[event]?.(data),
  },
  state,
);
