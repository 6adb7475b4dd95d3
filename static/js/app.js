// Small behaviour of every page: theme choice, toasts, keys, relative times, htmx. No build step, nothing evaluated.
(function () {
  "use strict";
  const page = document.documentElement;

  // Theme -----------------------------------------------------------------------------------------------------------
  function markTheme() {
    document.querySelectorAll("[data-theme-choose]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoose === window.dcTheme.choice()));
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-choose]");
    if (button) window.dcTheme.choose(button.dataset.themeChoose);
  });
  document.addEventListener("dc:theme", markTheme);
  markTheme();

  // Toasts: from the server as .toast-u, from htmx as the event "toast" with {text, level} --------------------------
  const toasts = document.getElementById("toasts");

  function keepWhileRead(toast) {
    // Problems stay until they are closed, offers to undo until they end (acts.js); the rest goes after ten seconds
    // that nobody points at it.
    if (["error", "undo"].includes(toast.dataset.level)) return;
    let timer;
    const start = () => { timer = setTimeout(() => toast.remove(), 10000); };
    toast.addEventListener("pointerenter", () => clearTimeout(timer));
    toast.addEventListener("focusin", () => clearTimeout(timer));
    toast.addEventListener("pointerleave", start);
    start();
  }

  function showToast({ text, level = "info" }) {
    const toast = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
    toast.dataset.level = level;
    toast.querySelector(".text").textContent = text;
    if (level === "error") toast.setAttribute("role", "alert");
    toasts.append(toast);
    keepWhileRead(toast);
    return toast;
  }

  document.addEventListener("click", (event) => event.target.closest?.("[data-close-toast]")?.closest(".toast-u").remove());
  document.addEventListener("toast", (event) => showToast(event.detail));
  toasts?.querySelectorAll(".toast-u").forEach(keepWhileRead);

  // Keys: / to the search, ? for help; a person may switch them off (WCAG 2.1.4) ------------------------------------
  const help = document.getElementById("help");
  const keysOff = () => {
    try {
      return localStorage.getItem("dc-keys") === "off";
    } catch {
      return false; // storage may be forbidden; keys then work as delivered
    }
  };
  const typing = (element) => element.closest?.("input, textarea, select, [contenteditable]");

  // Whether a single key pressed now is meant as a command.
  const commands = (event) => !(
    event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target) || keysOff()
    || document.querySelector("dialog[open]")
  );

  document.addEventListener("keydown", (event) => {
    if (!commands(event)) return;
    const search = document.querySelector("[data-search]");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "?" && help && !help.open) {
      event.preventDefault();
      help.showModal();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-open-help]")) {
      document.querySelectorAll("[popover]:popover-open").forEach((panel) => panel.hidePopover());
      help?.showModal();
    } else if (event.target === help) help.close(); // the backdrop
  });
  const keysSwitch = document.getElementById("keys-on");
  if (keysSwitch) {
    keysSwitch.checked = !keysOff();
    keysSwitch.addEventListener("change", () => localStorage.setItem("dc-keys", keysSwitch.checked ? "on" : "off"));
  }

  // Times: <time datetime="…" data-ago> says how long ago, and keeps saying it --------------------------------------
  function ago(seconds) {
    if (seconds < 45) return "just now";
    if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
    if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
    const days = Math.round(seconds / 86400);
    return days === 1 ? "1 day ago" : `${days} days ago`;
  }
  function tellTimes() {
    document.querySelectorAll("time[data-ago]").forEach((element) => {
      const seconds = (Date.now() - new Date(element.dateTime)) / 1000;
      if (Number.isFinite(seconds) && seconds >= -60) element.textContent = ago(seconds);
    });
  }
  setInterval(tellTimes, 15000);
  document.addEventListener("visibilitychange", tellTimes);
  tellTimes();

  // Forms: a filter that changes sends its form; a form that is sent cannot be sent twice ---------------------------
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("[data-submit-on-change]")) event.target.form?.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || event.target.method !== "post" || !button) return;
    // After this turn, so that the button's own name and value still travel with the form.
    setTimeout(() => { button.disabled = true; });
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("button[disabled][type=submit]").forEach((button) => { button.disabled = false; });
  });

  // A place to drop a file: <label class="drop"><input type="file">…<span data-file-name></span></label> ------------
  document.addEventListener("change", (event) => {
    const drop = event.target.matches?.("input[type=file]") && event.target.closest(".drop");
    const name = drop && drop.querySelector("[data-file-name]");
    if (name) name.textContent = event.target.files[0]?.name || "";
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const drop = event.target.closest?.(".drop");
      if (!drop) return;
      event.preventDefault();
      drop.classList.toggle("is-over", kind === "dragover");
      const input = drop.querySelector("input[type=file]");
      if (kind !== "drop" || !event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  // htmx ------------------------------------------------------------------------------------------------------------
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // A session that ended answers with the log-in page, which must not land inside a panel.
    const login = page.dataset.login;
    if (login && new URL(event.detail.xhr.responseURL || location.href).pathname === login) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });
  function tellOfRefusal({ xhr }) {
    if (xhr.getResponseHeader("HX-Trigger")) return; // the answer says itself what happened
    const status = xhr.status;
    const reason = { 403: "You may not do this.", 404: "This no longer exists.", 409: "Somebody else was faster." }[status];
    showToast({ text: `That did not work. ${reason || `The server answered ${status}; nothing was changed. Try again.`}`, level: "error" });
  }
  document.addEventListener("htmx:responseError", (event) => tellOfRefusal(event.detail));
  // htmx tells an answer to the element that asked. Where a list or a page was drawn anew meanwhile, that has nobody above
  // it any more to hear of it; what it came to is told from here.
  const heard = new WeakSet();
  document.addEventListener("htmx:beforeOnLoad", (event) => heard.add(event.detail.xhr));
  document.addEventListener("htmx:beforeSend", ({ detail }) => detail.xhr.addEventListener("load", () => {
    if (heard.has(detail.xhr)) return;
    if (detail.xhr.status >= 400) tellOfRefusal(detail);
    const said = JSON.parse(detail.xhr.getResponseHeader("HX-Trigger") || "{}");
    for (const [name, about] of Object.entries(said)) {
      document.dispatchEvent(new CustomEvent(name, { detail: { ...about, elt: detail.elt } }));
    }
  }));
  document.addEventListener("htmx:sendError", () => {
    showToast({ text: "The server cannot be reached. What you typed is still here; try again in a moment.", level: "error" });
  });
  document.addEventListener("htmx:load", tellTimes);

  window.dcApp = { commands, showToast };
})();
