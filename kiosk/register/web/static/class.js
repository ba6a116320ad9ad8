// The page of a class: filter and search at once, also what a live update brings (list.js).
"use strict";
const rows = document.getElementById("rows");
const filter = document.getElementById("filter");

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
document.addEventListener("htmx:after:swap", showFiltered);
showFiltered();
