// Loaded before the first paint: keeps the single keys that somebody quick presses before the page's scripts are there,
// and presses them again once they are. What is typed into a field, and keys with a meaning to the browser, go their way.
(function () {
  "use strict";
  const early = [];
  const typing = (element) => element.closest?.("input, textarea, select, [contenteditable]");

  function keep(event) {
    const command = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!command || event.repeat || typing(event.target)) return;
    early.push(event.key);
    event.stopImmediatePropagation(); // scripts that are there already must not hear it twice
  }

  function pressAgain() {
    document.removeEventListener("keydown", keep, true);
    for (const key of early) {
      const target = document.activeElement || document.body;
      target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
  }

  document.addEventListener("keydown", keep, true);
  // After everybody else's listeners of this event: htmx then knows the page's buttons.
  document.addEventListener("DOMContentLoaded", () => setTimeout(pressAgain));
})();
