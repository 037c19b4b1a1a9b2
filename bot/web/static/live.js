// One stream of events that heals itself: it comes back after a loss, and rests while nobody looks.

const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 6000;

/**
 * Follow `url()` and hand each event's JSON to `handlers[event]`. `onState` hears "up" and "down";
 * on "up" whatever is not repeated by the stream is to be read again.
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
      onState("down");
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
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

/** Show "up" and "down" in the page's own light. */
export function showState(element) {
  let was = "";
  return (state) => {
    if (state === was) return;
    was = state;
    element.dataset.live = state;
    element.textContent = state === "up" ? "Live" : "Reconnecting…";
  };
}
