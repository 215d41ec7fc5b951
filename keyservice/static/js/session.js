// Warns two minutes before the session ends, and keeps it going when the person asks so. The server decides: this
// script only counts along. Other tabs of the same browser keep the session going too, and say so to each other.

const WARN_MS = 120_000;
const LOOK_EVERY_MS = 1_000;

const region = document.querySelector(".ks-session");
const status = region.querySelector("[role=status]");
const tabs = new BroadcastChannel("session");
let idleEnd;
let longestEnd;
let shown = "";
let focused = document.body;

function begin({ idle, longest }) {
  idleEnd = Date.now() + idle * 1000;
  longestEnd = Date.now() + longest * 1000;
}

function stateNow() {
  // A clock, not a timer: a laptop that slept comes back at the right moment.
  const left = Math.min(idleEnd, longestEnd) - Date.now();
  if (left <= 0) return "over";
  if (left > WARN_MS) return shown === "stayed" ? "stayed" : "";
  return longestEnd <= idleEnd ? "last" : "warning";
}

function show(state) {
  if (state === shown) return;
  shown = state;
  const template = document.getElementById(`session-${state}`);
  status.replaceChildren(...(template ? [template.content.cloneNode(true)] : []));
  status.querySelector("button")?.addEventListener("click", stay);
}

async function stay() {
  const answer = await fetch(region.dataset.stay, { redirect: "manual" }).catch(() => null);
  if (!answer?.ok) return show("over");
  const seconds = await answer.json();
  begin(seconds);
  tabs.postMessage(seconds);
  show("stayed");
  focused.focus(); // the button that had it is gone
}

document.addEventListener("focusin", (event) => {
  if (!region.contains(event.target)) focused = event.target;
});
tabs.addEventListener("message", (event) => {
  begin(event.data);
  show(stateNow());
});
const now = { idle: Number(region.dataset.idle), longest: Number(region.dataset.longest) };
begin(now);
tabs.postMessage(now);
setInterval(() => show(stateNow()), LOOK_EVERY_MS);
