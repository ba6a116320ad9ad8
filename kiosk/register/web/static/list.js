// A live list: announce its sum when that changes, and pause the updates.
"use strict";
const list = document.querySelector("section[hx-get]");
const pauseList = document.getElementById("pause");
const listNews = document.getElementById("news");
const sum = () => document.getElementById("sum").textContent.replace(/\s+/g, " ").trim();
let lastSum = sum();
let isListPaused = false;
let isListWaiting = false;

pauseList.hidden = false;
pauseList.addEventListener("click", () => {
  isListPaused = !isListPaused;
  pauseList.setAttribute("aria-pressed", String(isListPaused));
  pauseList.textContent = isListPaused ? pauseList.dataset.resume : pauseList.dataset.pause;
  if (!isListPaused && isListWaiting) list.dispatchEvent(new Event("reload"));
});
document.addEventListener("htmx:before:request", (event) => {
  if (!isListPaused || event.target !== list) return;
  isListWaiting = true;
  event.preventDefault();
});
document.addEventListener("htmx:after:swap", () => {
  isListWaiting = false;
  if (sum() === lastSum) return;
  lastSum = sum();
  listNews.textContent = lastSum;
});
