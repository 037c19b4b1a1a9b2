// The chat on a page of its own.

import { find } from "./dom.js";
import { Chat } from "./chat.js";
import { follow, showState } from "./live.js";

const chat = new Chat();
await chat.catchUp().catch(() => {});
follow(
  () => `/chat/events?after=${chat.after}`,
  { message: (message) => chat.take(message) },
  showState(find("[data-live]"), find("[data-away]")),
);
