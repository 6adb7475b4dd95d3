// Acts on leads: their dialogs, what the server says of them, taking the last one back, and doing it again after all.
// The server answers an act with the event "acted" {lead, text, undo, undone, stays} or "refused" {lead, text}; what
// else a page does about it (queue.js, lead.js) it does on the same events.
(function () {
  "use strict";
  const undoFor = 30; // seconds that a message offers it
  const most = 3; // messages with an undo at a time; the oldest goes first
  const dialog = document.getElementById("act"); // outside of what a page draws anew, so that nothing typed is lost

  // Dialogs: a form arrives in #act-form and is shown; what is typed there stays until it is sent or cancelled ------
  function close() {
    if (dialog?.open) dialog.close();
  }
  // Once it has settled, so that it is sent by htmx however quick somebody is with the keyboard.
  document.addEventListener("htmx:afterSettle", (event) => {
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

  // What was sent, by the element that sent it: doing an act again sends the same once more ---------------------------
  const sent = new WeakMap();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { verb, path, elt, formData } = event.detail.requestConfig;
    if (verb === "post") sent.set(elt, { path, values: Object.fromEntries(formData) });
  });

  // Each from an element of its own: htmx drops a request that waits behind two others of the same element.
  async function send({ path, values }) {
    const source = document.createElement("span");
    source.hidden = true;
    document.body.append(source);
    await window.htmx.ajax("POST", path, { values, swap: "none", source });
    source.remove();
  }

  // Messages that offer to take an act back, or to do it again, and count down ---------------------------------------
  const offers = { undo: [], redo: [] }; // the latest last: {toast, lead, request, again}
  let taking = null; // the act that is being taken back

  function withdraw(offer) {
    clearInterval(offer.timer);
    offer.toast.remove();
    const at = offers[offer.kind].indexOf(offer);
    if (at >= 0) offers[offer.kind].splice(at, 1);
  }

  function make(kind, toast, details) {
    const template = document.getElementById(`${kind}-template`);
    if (!template) return;
    const parts = template.content.cloneNode(true);
    const left = parts.querySelector("[data-undo-left]");
    const offer = { kind, toast, until: Date.now() + undoFor * 1000, ...details };
    toast.querySelector("[data-close-toast]").before(parts);
    toast.classList.add("has-undo");
    toast.querySelector(`[data-${kind}]`).addEventListener("click", () => take(offer));
    function tick() {
      const seconds = Math.ceil((offer.until - Date.now()) / 1000);
      left.textContent = `0:${String(Math.max(seconds, 0)).padStart(2, "0")}`;
      if (seconds <= 0 || !toast.isConnected) withdraw(offer);
    }
    offer.timer = setInterval(tick, 1000);
    tick();
    offers[kind].push(offer);
    while (offers[kind].length > most) withdraw(offers[kind][0]);
  }

  function take(offer) {
    withdraw(offer);
    taking = offer.kind === "undo" ? offer : null;
    send(offer.request);
  }

  document.addEventListener("acted", (event) => {
    const { text, undo, undone, lead, elt } = event.detail;
    // What came before on this lead can no longer be taken back or done again, and old news makes room for new.
    for (const kind of ["undo", "redo"]) offers[kind].filter((offer) => lead && offer.lead === lead).forEach(withdraw);
    const old = [...document.querySelectorAll("#toasts > .toast-u:not([data-level=error])")];
    old.slice(0, Math.max(old.length - most + 1, 0)).forEach((one) => one.remove());
    const again = undone && taking?.lead === lead ? taking.again : null;
    if (undone) taking = null;
    const toast = window.dcApp.showToast({ text, level: undo || again ? "undo" : "info" });
    if (undo) make("undo", toast, { lead, request: { path: undo, values: {} }, again: sent.get(elt) });
    else if (again) make("redo", toast, { lead, request: again });
  });
  document.addEventListener("refused", (event) => {
    taking = null;
    window.dcApp.showToast({ text: event.detail.text, level: "error" });
  });

  // Keys, for what the page says is in focus: a accepts, claims or takes over, r rejects or returns, c recycles, h hands
  // over, m meets, l logs a call, n notes and plans, s snoozes, d and x finish and skip what is due; digits log at once.
  // z takes the last act back, Z does it again.
  const keys = {
    a: ["take-over", "claim", "accept"], r: ["return", "reject"], c: ["recycle"], h: ["hand-off"],
    m: ["outcome", "meeting"], l: ["log"], n: ["plan"], s: ["snooze"], d: ["finish"], x: ["skip"],
  };
  const outcomes = {
    1: ["call", "connected"], 2: ["call", "voicemail"], 3: ["call", "no_answer"], 4: ["call", "wrong_number"],
    5: ["email", "sent"], 6: ["social", "sent"],
  };

  // The lead in focus, and the pane that is about it where there is one.
  function scopes() {
    const here = document.querySelector("[data-acts-here]");
    const side = document.getElementById("side");
    const beside = side?.dataset.lead && side.dataset.lead === here?.dataset.lead ? side : null;
    return [here, beside, document.querySelector("[data-acts-too]")].filter(Boolean);
  }

  function log(key) {
    const here = document.querySelector("[data-acts-here][data-log-url]");
    if (!here || here.hasAttribute("aria-busy")) return false;
    const [medium, outcome] = outcomes[key];
    window.htmx.ajax("POST", here.dataset.logUrl, { values: { medium, outcome }, swap: "none", source: here });
    return true;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-log]");
    if (button) log(button.dataset.log);
  });
  document.addEventListener("keydown", (event) => {
    if (!window.dcApp.commands(event) || event.repeat) return;
    const kind = { z: "undo", Z: "redo" }[event.key];
    if (kind && offers[kind].length) {
      event.preventDefault();
      take(offers[kind][offers[kind].length - 1]);
      return;
    }
    if (outcomes[event.key]) {
      if (log(event.key)) event.preventDefault();
      return;
    }
    const wanted = (keys[event.key] || []).map((act) => `[data-act=${act}]`);
    const button = wanted.flatMap((act) => scopes().map((scope) => scope.querySelector(act))).find(Boolean);
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  });
})();
