// Lists of links that are walked by key: j and k move the focus; Enter follows the link as it does anywhere.
(function () {
  "use strict";
  document.addEventListener("keydown", (event) => {
    if (!["j", "k"].includes(event.key) || !window.dcApp.commands(event)) return;
    const rows = [...document.querySelectorAll("[data-rows] [data-row]")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = event.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0);
    event.preventDefault();
    rows[next].focus();
  });
})();
