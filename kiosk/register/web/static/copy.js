// A button that copies what an element shows; without a clipboard there is none.
"use strict";
document.querySelectorAll("[data-copy]").forEach((button) => {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const shown = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(shown.value ?? shown.textContent);
    button.textContent = button.dataset.done;
  });
});
