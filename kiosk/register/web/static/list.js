// What is live on a page: announce its sum when that changes, and pause the updates.
"use strict";
const list = document.querySelector("section[hx-get]");
const pause = document.getElementById("pause");
const news = document.getElementById("news");
const sum = () => document.querySelector("#sum, #counts").textContent.replace(/\s+/g, " ").trim();
let said = sum();
let isPaused = false;
let isWaiting = false;

pause.hidden = false;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.textContent = isPaused ? pause.dataset.resume : pause.dataset.pause;
  if (!isPaused && isWaiting) list.dispatchEvent(new Event("reload"));
});
// An answer that was under way when the pause began is held, too.
for (const step of ["htmx:before:request", "htmx:before:swap"]) {
  document.addEventListener(step, (event) => {
    if (!isPaused || event.target !== list) return;
    isWaiting = true;
    event.preventDefault();
  });
}
document.addEventListener("htmx:after:swap", () => {
  isWaiting = false;
  if (sum() === said) return;
  said = sum();
  news.textContent = said;
});
