// The floor: leads are dragged onto reps, or picked and given together; whose each was travels along, so that whoever
// was slower than somebody else is told. After an act the page is drawn anew in place.
(function () {
  "use strict";
  const every = 60000; // milliseconds between looks at the server, while nothing is picked, dragged or asked
  const bulk = () => document.getElementById("bulk");
  let dragged = [];
  const opened = new Set(); // the reps whose leads are shown, through every drawing

  const items = () => [...document.querySelectorAll("[data-item]")];
  const picked = () => items().filter((item) => item.querySelector("[data-tick]")?.checked);
  const named = (list) => list.map((item) => `${item.dataset.lead}:${item.dataset.owner}`);

  function drawAnew() {
    window.htmx.ajax("GET", location.pathname + location.search, { target: "#main", select: "#main", swap: "outerHTML" });
  }
  document.addEventListener("htmx:load", (event) => {
    if (event.target.id !== "main") return;
    opened.forEach((id) => {
      const button = document.querySelector(`[aria-controls="${id}"]`);
      if (button) open(button);
      else opened.delete(id);
    });
    tally();
  });
  document.addEventListener("acted", drawAnew);
  document.addEventListener("refused", drawAnew);
  setInterval(() => {
    if (document.hidden || dragged.length || picked().length || document.querySelector("dialog[open]")) return;
    if (document.activeElement && document.activeElement !== document.body) return;
    drawAnew();
  }, every);

  // Picking several ---------------------------------------------------------------------------------------------------
  function tally() {
    const form = bulk();
    if (!form) return;
    const list = picked();
    form.hidden = !list.length;
    form.querySelector("[data-ticked]").textContent = list.length;
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-tick]")) tally();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-untick]")) return;
    picked().forEach((item) => { item.querySelector("[data-tick]").checked = false; });
    tally();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== bulk()) return;
    const list = picked();
    event.detail.parameters.lead = list.map((item) => item.dataset.lead);
    event.detail.parameters.seen = named(list);
  });

  // Dragging: onto a rep's row; what is picked goes along with the one that is held -----------------------------------
  document.addEventListener("dragstart", (event) => {
    const item = event.target.closest?.("[data-item][draggable=true]");
    if (!item) return;
    const list = picked();
    dragged = list.includes(item) ? list : [item];
    dragged.forEach((one) => one.classList.add("is-dragged"));
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", named(dragged).join(" "));
  });
  document.addEventListener("dragend", () => {
    document.querySelectorAll(".is-dragged, .is-over").forEach((one) => one.classList.remove("is-dragged", "is-over"));
    dragged = [];
  });
  document.addEventListener("dragover", (event) => {
    const row = dragged.length && event.target.closest?.("[data-drop]");
    document.querySelectorAll(".is-over").forEach((one) => one !== row && one.classList.remove("is-over"));
    if (!row) return;
    event.preventDefault();
    row.classList.add("is-over");
  });
  document.addEventListener("drop", (event) => {
    const row = dragged.length && event.target.closest?.("[data-drop]");
    if (!row) return;
    event.preventDefault();
    const values = { rep_id: row.dataset.drop, lead: dragged.map((one) => one.dataset.lead), seen: named(dragged) };
    window.htmx.ajax("POST", bulk().action, { values, swap: "none" });
  });

  // The leads of one rep ----------------------------------------------------------------------------------------------
  function open(button) {
    const row = document.getElementById(button.getAttribute("aria-controls"));
    button.setAttribute("aria-expanded", "true");
    row.hidden = false;
    opened.add(row.id);
    window.htmx.ajax("GET", button.dataset.openLeads, { target: row.querySelector("[data-leads]"), swap: "innerHTML" });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-open-leads]");
    if (!button) return;
    const row = document.getElementById(button.getAttribute("aria-controls"));
    if (row.hidden) {
      open(button);
      return;
    }
    button.setAttribute("aria-expanded", "false");
    row.hidden = true;
    opened.delete(row.id);
    tally();
  });
})();
