// Popovers and menus are the browser's own (popovertarget="id" on a button, popover on the panel): it opens and closes
// them, Escape and a click outside included, and gives the focus back. This places them and adds the arrow keys.
(function () {
  "use strict";
  const gap = 6;
  const edge = 8; // from the border of the window
  const openers = new WeakMap();

  function place(panel) {
    const opener = openers.get(panel) || document.querySelector(`[popovertarget="${panel.id}"]`);
    if (!opener) return;
    const button = opener.getBoundingClientRect();
    const width = panel.offsetWidth;
    const height = panel.offsetHeight;
    const left = Math.max(edge, Math.min(button.left, document.documentElement.clientWidth - width - edge));
    const below = button.bottom + gap;
    const above = button.top - gap - height;
    let top = below;
    if (below + height > window.innerHeight - edge) {
      top = above >= edge ? above : Math.max(edge, window.innerHeight - height - edge);
    }
    panel.style.left = `${left + window.scrollX}px`;
    panel.style.top = `${top + window.scrollY}px`;
  }

  const shown = () => document.querySelectorAll("[popover]:popover-open");
  const placeAll = () => shown().forEach(place);

  function focusInside(panel) {
    if (panel.contains(document.activeElement)) return;
    const first = panel.classList.contains("menu")
      ? panel.querySelector("[autofocus], .opt.on, .opt, input, select, button")
      : null;
    if (!first) panel.tabIndex = -1;
    (first || panel).focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[popovertarget]");
    if (!opener) return;
    const panel = document.getElementById(opener.getAttribute("popovertarget"));
    if (panel) openers.set(panel, opener);
  }, true);

  // toggle does not bubble; the capture phase sees it
  document.addEventListener("toggle", (event) => {
    const panel = event.target;
    if (!panel.matches?.("[popover]")) return;
    const open = event.newState === "open";
    openers.get(panel)?.setAttribute("aria-expanded", String(open));
    if (!open && "changed" in panel.dataset && panel.isConnected) {
      delete panel.dataset.changed;
      panel.requestSubmit();
    }
    if (!open) return;
    place(panel);
    focusInside(panel);
  }, true);

  // <form popover data-submit-on-close> is sent when it closes with something changed; Escape puts it back instead
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (event.target.name && form?.matches("[data-submit-on-close]")) form.dataset.changed = "";
  });
  document.addEventListener("submit", (event) => delete event.target.dataset.changed, true);
  document.addEventListener("keydown", (event) => {
    const form = event.key === "Escape" && document.querySelector("[data-submit-on-close][data-changed]:popover-open");
    if (!form) return;
    delete form.dataset.changed;
    form.reset();
  }, true);

  window.addEventListener("resize", placeAll);
  window.addEventListener("scroll", placeAll, { capture: true, passive: true });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.(".menu:popover-open");
    if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
    if (event.target.matches("select, textarea, input[type=date]")) return;
    const items = [...menu.querySelectorAll(".opt:not([hidden])")].map((item) => item.querySelector("input") || item);
    if (!items.length) return;
    const at = items.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[event.key];
    items[(next + items.length) % items.length].focus();
    event.preventDefault();
  });

  // <input data-filter-list> shows only the options of its menu that contain what is typed
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("[data-filter-list]")) return;
    const wanted = event.target.value.trim().toLocaleLowerCase();
    const menu = event.target.closest(".menu");
    menu.querySelectorAll(".opt").forEach((option) => {
      option.hidden = !option.textContent.toLocaleLowerCase().includes(wanted);
    });
    place(menu);
  });
})();
