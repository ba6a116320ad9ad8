// The page of a class: filter and search at once, also what a live update brings (list.js).
"use strict";
const rows = document.getElementById("rows");
const filter = document.getElementById("filter");
const nobody = document.getElementById("nobody");
const statuses = document.getElementById("statuses");
// As in alphabet.py, whose search and order are without accents, too.
const letters = {
  æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ß: "ss", ı: "i", ħ: "h", ŧ: "t", ŋ: "n",
};
const plain = (text) =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[æœøłđðþßıħŧŋ]/g, (one) => letters[one]);

const showFiltered = () => {
  const status = filter.elements.status.value;
  const words = plain(filter.elements.name.value).split(/\s+/);
  const all = [...rows.querySelectorAll("li[data-status]")];
  all.forEach((row) => {
    const name = plain(row.dataset.name);
    const isWanted = (!status || row.dataset.status === status) && words.every((word) => name.includes(word));
    row.hidden = !isWanted;
    // Who is not seen is not changed.
    if (!isWanted && row.querySelector("input")) row.querySelector("input").checked = false;
  });
  nobody.textContent = all.length && all.every((row) => row.hidden) ? nobody.dataset.text : "";
  statuses.querySelectorAll("a").forEach((link) => {
    if ((link.dataset.status || "") === status) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  countChosen();
};
const countChosen = () => {
  const place = document.getElementById("chosen");
  const count = rows.querySelectorAll("input:checked").length;
  if (!place) return;
  place.textContent = count ? `(${count})` : "";
  // Said in a region of its own, since the form is hidden while nobody is chosen.
  document.getElementById("count").textContent = count ? place.parentElement.textContent : "";
};

// A chosen student keeps the version of the mark that was shown when the choice was made. With that
// of an update, a change which the update brings would be overwritten without a word.
let versions = new Map();
const subject = (box) => box.value.slice(box.value.indexOf(":") + 1);
const noteVersions = () => {
  const chosen = [...rows.querySelectorAll("input:checked")];
  versions = new Map(chosen.map((box) => [subject(box), box.value]));
};
const keepVersions = () => {
  rows.querySelectorAll("input:checked").forEach((box) => {
    const shown = versions.get(subject(box)) ?? box.value;
    if (shown === box.value) return;
    box.dataset.newest = box.value;
    box.value = shown;
    box.closest("li").classList.add("stale");
  });
};
// Who chooses again has seen what stands now.
const takeNewest = (event) => {
  const box = event.target;
  if (!box.dataset.newest) return;
  box.value = box.dataset.newest;
  delete box.dataset.newest;
  box.closest("li").classList.remove("stale");
};

filter.addEventListener("input", showFiltered);
filter.addEventListener("submit", (event) => {
  event.preventDefault();
  showFiltered();
});
statuses.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  event.preventDefault();
  filter.elements.status.value = link.dataset.status || "";
  showFiltered();
});
rows.addEventListener("change", takeNewest);
rows.addEventListener("change", countChosen);
document.getElementById("show").hidden = true;
document.addEventListener("htmx:before:swap", noteVersions);
document.addEventListener("htmx:after:swap", keepVersions);
document.addEventListener("htmx:after:swap", showFiltered);
showFiltered();
