// Every page: send a form once, say when what is live may be old, and end with the session.
"use strict";
const ONCE_MS = 10_000;
const sent = new WeakMap();
// The second click of a double click would give a second point, or find its own change in the way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.submitter?.hasAttribute("data-again")) return;
  if (event.timeStamp - (sent.get(form) ?? -Infinity) < ONCE_MS) event.preventDefault();
  else sent.set(form, event.timeStamp);
});

const away = document.getElementById("away");
const showAway = (isAway) => {
  if (document.getElementById("live")) away.hidden = !isAway;
};
for (const fault of ["htmx:sse:error", "htmx:error", "htmx:response:error"]) {
  document.addEventListener(fault, () => showAway(true));
}
window.addEventListener("offline", () => showAway(true));
for (const answer of ["htmx:sse:after:connection", "htmx:after:swap"]) {
  document.addEventListener(answer, () => showAway(false));
}
// What stands there is more use than the page of an error.
document.addEventListener("htmx:before:swap", (event) => {
  if (event.detail.ctx?.response?.status >= 400) event.preventDefault();
});

// Others may sit at this computer next: no tab goes on showing names when nobody is signed in.
const signedOut = new BroadcastChannel("signed-out");
if (document.querySelector("[data-signed-out]")) signedOut.postMessage("");
else if (document.querySelector("body > header")) {
  signedOut.addEventListener("message", () => location.replace("/"));
}
