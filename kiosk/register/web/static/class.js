// The page of a class: filter and search at once, announce live changes in sum, pause them.
"use strict";
const rows = document.getElementById("rows");
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");
const news = document.getElementById("news");
const counts = () => document.getElementById("counts").textContent.replace(/\s+/g, " ").trim();
let said = counts();
let isPaused = false;
let isWaiting = false;

const showFiltered = () => {
  const status = filter.elements.status.value;
  const name = filter.elements.name.value.toLocaleLowerCase();
  rows.querySelectorAll("li[data-status]").forEach((row) => {
    const isWanted = (!status || row.dataset.status === status) && row.dataset.name.toLocaleLowerCase().includes(name);
    row.hidden = !isWanted;
    // Who is not seen is not changed.
    if (!isWanted && row.querySelector("input")) row.querySelector("input").checked = false;
  });
  countChosen();
};
const countChosen = () => {
  const place = document.getElementById("chosen");
  const count = rows.querySelectorAll("input:checked").length;
  if (place) place.textContent = count ? `(${count})` : "";
};

filter.addEventListener("input", showFiltered);
filter.addEventListener("submit", (event) => {
  event.preventDefault();
  showFiltered();
});
rows.addEventListener("change", countChosen);
document.getElementById("show").hidden = true;
pause.hidden = false;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.textContent = isPaused ? pause.dataset.resume : pause.dataset.pause;
  if (!isPaused && isWaiting) rows.dispatchEvent(new Event("reload"));
});
document.addEventListener("htmx:before:request", (event) => {
  if (!isPaused || event.target !== rows) return;
  isWaiting = true;
  event.preventDefault();
});
document.addEventListener("htmx:after:swap", () => {
  isWaiting = false;
  showFiltered();
  if (counts() === said) return;
  said = counts();
  news.textContent = said;
});
showFiltered();
