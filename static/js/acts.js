// Acts on leads: their dialogs, what the server says of them, and taking the last one back.
// The server answers an act with the event "acted" {lead, text, undo, undone} or "refused" {lead, text}; what else a
// page does about it (queue.js, lead.js) it does on the same events.
(function () {
  "use strict";
  const undoFor = 30; // seconds that a message offers it
  const most = 3; // messages with an undo at a time; the oldest goes first
  const dialog = document.getElementById("act"); // outside of what a page draws anew, so that nothing typed is lost

  // Dialogs: a form arrives in #act-form and is shown; what is typed there stays until it is sent or cancelled ------
  function close() {
    if (dialog?.open) dialog.close();
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "act-form" || !dialog) return;
    if (!dialog.open) dialog.showModal();
    const form = event.target.querySelector("form");
    adjust(form);
    (form?.querySelector("[aria-invalid=true]") || form?.querySelector("[autofocus]"))?.focus();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-close-act]") || event.target === dialog) close();
  });
  dialog?.addEventListener("close", () => document.getElementById("act-form").replaceChildren());
  document.addEventListener("acted", close);
  document.addEventListener("refused", close);

  // A reason says whether it needs a sentence, and when a second look is due ----------------------------------------
  function adjust(form) {
    const reasons = form?.querySelector("[data-reasons]");
    if (!reasons) return;
    const option = reasons.selectedOptions[0];
    const sentence = form.querySelector("[data-sentence]");
    if (sentence) sentence.required = Boolean(option && "needsText" in option.dataset);
    const day = form.querySelector("[data-revisit-on]");
    if (day && !("typed" in day.dataset)) day.value = option?.dataset.revisit || "";
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-reasons]")) adjust(event.target.form);
    if (event.target.matches?.("[data-revisit-on]")) event.target.dataset.typed = "";
  });

  // Messages with an undo that counts down --------------------------------------------------------------------------
  const offers = []; // the latest last: {toast, lead, address}

  function withdraw(offer) {
    clearInterval(offer.timer);
    offer.toast.remove();
    const at = offers.indexOf(offer);
    if (at >= 0) offers.splice(at, 1);
  }

  function offerUndo(toast, lead, address) {
    const parts = document.getElementById("undo-template").content.cloneNode(true);
    const left = parts.querySelector("[data-undo-left]");
    const offer = { toast, lead, address, until: Date.now() + undoFor * 1000 };
    toast.querySelector("[data-close-toast]").before(parts);
    toast.classList.add("has-undo");
    toast.querySelector("[data-undo]").addEventListener("click", () => takeBack(offer));
    function tick() {
      const seconds = Math.ceil((offer.until - Date.now()) / 1000);
      left.textContent = `0:${String(Math.max(seconds, 0)).padStart(2, "0")}`;
      if (seconds <= 0 || !toast.isConnected) withdraw(offer);
    }
    offer.timer = setInterval(tick, 1000);
    tick();
    offers.push(offer);
    while (offers.length > most) withdraw(offers[0]);
  }

  function takeBack(offer) {
    withdraw(offer);
    window.htmx.ajax("POST", offer.address, { swap: "none" });
  }

  document.addEventListener("acted", (event) => {
    const { text, undo, lead } = event.detail;
    // What came before on this lead can no longer be taken back, and old news makes room for new.
    offers.filter((offer) => lead && offer.lead === lead).forEach(withdraw);
    const old = [...document.querySelectorAll("#toasts > .toast-u:not([data-level=error])")];
    old.slice(0, Math.max(old.length - most + 1, 0)).forEach((one) => one.remove());
    const toast = window.dcApp.showToast({ text, level: undo ? "undo" : "info" });
    if (undo && document.getElementById("undo-template")) offerUndo(toast, lead, undo);
  });
  document.addEventListener("refused", (event) => window.dcApp.showToast({ text: event.detail.text, level: "error" }));

  // Keys: a accepts, claims or takes over, r rejects or returns, c recycles, h hands over, m meets; z takes back ----
  const keys = { a: ["take-over", "claim", "accept"], r: ["return", "reject"], c: ["recycle"], h: ["hand-off"], m: ["outcome", "meeting"] };

  document.addEventListener("keydown", (event) => {
    if (!window.dcApp.commands(event) || event.repeat) return;
    if (event.key === "z" && offers.length) {
      event.preventDefault();
      takeBack(offers[offers.length - 1]);
      return;
    }
    const acts = keys[event.key];
    const scope = document.querySelector("[data-acts-here]");
    const button = acts && scope && acts.map((act) => scope.querySelector(`[data-act=${act}]`)).find(Boolean);
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  });
})();
