// One stream of events that heals itself: it comes back after a loss, and rests while nobody looks.

const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 6000;

/**
 * Follow `url()` and hand each event's JSON to `handlers[event]`. `onState` hears "up", "down" and
 * "offline"; on "up" whatever is not repeated by the stream is to be read again.
 */
export function follow(url, handlers, onState) {
  let source = null;
  let timer = 0;
  let wait = FIRST_WAIT_MS;

  const open = () => {
    clearTimeout(timer);
    close();
    source = new EventSource(url());
    source.onopen = () => {
      wait = FIRST_WAIT_MS;
      onState("up");
    };
    source.onerror = () => {
      // The browser's own retry gives up on an error status: always come again by ourselves.
      close();
      onState(navigator.onLine ? "down" : "offline");
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 1.7, LONGEST_WAIT_MS);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
  };
  const close = () => {
    source?.close();
    source = null;
  };

  // A browser allows few connections to one place: windows out of sight give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      close();
    } else if (source === null) open();
  });
  addEventListener("online", () => source === null && open());
  // Without a network Kasapay on this very machine still answers: whether it does is found out by asking.
  addEventListener("offline", () => source !== null && open());
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

const LIGHT = { up: "Live", down: "Reconnecting…", offline: "Offline" };
const SAY_DOWN_MS = 2500; // a short loss is not worth a sentence

/** Show the state in the page's own light, and a loss in a sentence: `away.dataset.away` says "down". */
export function showState(element, away) {
  let was = "";
  let timer = 0;
  const say = (text) => {
    away.textContent = text;
    away.hidden = !text;
  };
  return (state) => {
    if (state === was) return;
    was = state;
    element.dataset.live = state;
    element.textContent = LIGHT[state];
    clearTimeout(timer);
    if (state === "up") say("");
    else if (state === "offline") say("You are offline. What you type is not sent until you are back.");
    else timer = setTimeout(() => say(away.dataset.away), SAY_DOWN_MS);
  };
}
