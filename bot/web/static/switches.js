// The sandbox's switches, drawn from its own description of them.

import { ask, find, make } from "./dom.js";

// The ones worth a first try, which the README names: one press each. All there are follow under More.
const CREATING = ["momo.create", "startbutton.create"];
const isDrop = (rule) => CREATING.includes(rule.group) && "drop_reply" in rule.set;
const BIG = [
  {
    name: "callback_lost",
    title: "Lose callbacks",
    help: "The provider never tells the result by itself.",
    isOn: (values) => values.callback_lost !== 0,
    change: (on) => ({ callback_lost: on ? -1 : 0 }),
  },
  {
    name: "drop_reply",
    title: "Drop replies",
    help: "A payment reaches the provider, its answer gets lost.",
    isOn: (values) => values.rules.some(isDrop),
    // By a rule: what is asked afterwards is answered, as when one reply is lost on its way.
    change: (on, values) => ({
      rules: [
        ...values.rules.filter((rule) => !isDrop(rule)),
        ...(on ? CREATING.map((group) => ({ group, set: { drop_reply: -1 } })) : []),
      ],
    }),
  },
  {
    name: "latency_ms",
    title: "Slow provider",
    help: "Every answer comes two seconds late.",
    isOn: (values) => values.latency_ms !== 0,
    change: (on) => ({ latency_ms: on ? 2000 : 0 }),
  },
];
const GROUPS = [
  ["Requests and errors", /^(latency|token|drop|error|retry|unauthorized)/],
  ["Status answers", /^(status|echo)/],
  ["Callbacks and webhooks", /^(callback|webhook)/],
  ["MTN MoMo", /^(reason|open|financial|numeric|created|active|balance|wrapped|expiration|invoice|address|consent|new_gateway)/],
  ["Startbutton", /^(next|otp|charge|reverse|duplicate|envelope|refusal)/],
  ["SMS", /^sms/],
];

export class Switches {
  /** `onCount` hears how many switches are on. */
  constructor(onCount) {
    this.onCount = onCount;
    this.described = null;
    this.controls = new Map();
    this.bigs = new Map();
    this.root = find(".switches");
    this.problem = find(".switches-problem");
    this.resetButton = find("[data-testid=switches-reset]");
    this.resetButton.addEventListener("click", async () => {
      await this.change(() => ask("/try/sandbox/faults", { method: "DELETE" }));
      find("input", this.root)?.focus(); // a button that can no longer be pressed keeps no focus
    });
  }

  /** Read the switches again. */
  async read() {
    await this.change(async () => {
      if (!this.described) {
        this.described = (await ask("/try/sandbox/faults/schema")).faults;
        this.draw();
      }
      return ask("/try/sandbox/faults");
    });
  }

  async change(work) {
    try {
      this.show(await work());
      this.complain("");
    } catch (error) {
      this.complain(error.message);
      if (this.values) this.show(this.values);
    }
  }

  set(changes) {
    this.change(() => ask("/try/sandbox/faults", { method: "PUT", json: changes }));
  }

  draw() {
    const left = new Map(this.described.map((fault) => [fault.name, fault]));
    const take = (wanted) => [...left.values()].filter(wanted).map((fault) => (left.delete(fault.name), fault));
    const groups = GROUPS.map(([title, pattern]) => [title, take((fault) => pattern.test(fault.name))]);
    groups.push(["Others", take(() => true)]);
    this.root.replaceChildren(
      ...BIG.map((big) => this.drawBig(big)),
      make(
        "details",
        { "data-testid": "switches-more" },
        make("summary", {}, "More"),
        ...groups
          .filter(([, faults]) => faults.length)
          .map(([title, faults]) => make("details", {}, make("summary", {}, title), ...faults.map((fault) => this.drawOne(fault)))),
      ),
    );
  }

  drawBig(big) {
    const id = `big-${big.name}`;
    const control = make("input", {
      ...{ id, "data-testid": id, "aria-describedby": `${id}-help`, type: "checkbox", role: "switch" },
      onchange: () => this.set(big.change(control.checked, this.values)),
    });
    const row = make("div", { class: "big-switch" }, make("label", { for: id }, big.title), make("p", { id: `${id}-help` }, big.help), control);
    this.bigs.set(big, { control, row });
    return row;
  }

  drawOne(fault) {
    const id = `switch-${fault.name}`;
    const control = this.control(fault, id);
    const row = make(
      "div",
      { class: "switch" },
      make("label", { for: id }, title(fault.name)),
      make("p", { id: `${id}-help` }, fault.help),
      make("div", { class: "control" }, control),
    );
    this.controls.set(fault.name, { fault, control, row });
    return row;
  }

  control(fault, id) {
    const common = { id, "data-testid": id, "aria-describedby": `${id}-help` };
    if (fault.type === "bool") {
      return make("input", { ...common, type: "checkbox", role: "switch", onchange: (event) => this.set({ [fault.name]: event.target.checked }) });
    }
    if (fault.type === "choice" || fault.counter) {
      const choices = fault.counter ? [[0, "Off"], [1, "Next time"], [2, "Next 2 times"], [-1, "Always"]] : fault.choices.map((choice) => [choice, plain(choice)]);
      const read = fault.counter ? Number : String;
      return make(
        "select",
        { ...common, onchange: (event) => this.set({ [fault.name]: read(event.target.value) }) },
        ...choices.map(([value, label]) => make("option", { value }, label)),
      );
    }
    const isNumber = fault.type === "int" || fault.type === "number";
    return make("input", {
      ...common,
      type: isNumber ? "number" : "text",
      min: fault.minimum,
      max: fault.maximum,
      step: fault.type === "number" ? "0.05" : undefined,
      onchange: (event) => {
        if (isNumber && event.target.value === "") event.target.value = fault.default;
        this.set({ [fault.name]: isNumber ? Number(event.target.value) : event.target.value });
      },
    });
  }

  show(values) {
    this.values = values;
    let on = values.rules.length ? 1 : 0;
    for (const [big, { control, row }] of this.bigs) {
      control.checked = big.isOn(values);
      row.classList.toggle("on", control.checked);
    }
    for (const [name, { fault, control, row }] of this.controls) {
      const value = values[name];
      const changed = value !== fault.default;
      on += changed ? 1 : 0;
      row.classList.toggle("on", changed);
      if (control.type === "checkbox") control.checked = value;
      else if (document.activeElement !== control || control.tagName === "SELECT" || control.value === "") {
        if (control.tagName === "SELECT" && ![...control.options].some((option) => option.value === String(value))) {
          control.append(make("option", { value }, fault.counter ? `Next ${value} times` : String(value)));
        }
        control.value = value;
      }
    }
    this.resetButton.disabled = !on;
    this.onCount(on);
  }

  complain(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }
}

const UNITS = { ms: "in milliseconds", s: "in seconds" };
function title(name) {
  const words = name.split("_");
  const unit = UNITS[words.at(-1)];
  if (unit) words.pop();
  const text = words.join(" ").replace(/\botp\b/g, "OTP").replace(/\bsms\b/g, "SMS").replace(/\bids\b/g, "IDs").replace(/\bpin\b/g, "PIN");
  return text[0].toUpperCase() + text.slice(1) + (unit ? `, ${unit}` : "");
}

const plain = (choice) => String(choice).replaceAll("_", " ");
