// The bell and the queue's number: one small question now and then, only while somebody looks at the page, or
// has allowed the browser to tell them.
(function () {
  "use strict";
  const every = 20000;
  const bell = document.getElementById("bell");
  if (!bell) return;
  const pop = document.getElementById("notices");
  let asked = 0;

  // The browser's own notices: for who has allowed them here, and only of what is newer than the last one shown.
  const allowed = () => "Notification" in window && Notification.permission === "granted";

  function lastShown() {
    try {
      return Number(localStorage.getItem("dc-shown")) || 0;
    } catch {
      return Infinity; // without a memory everything would be shown again and again
    }
  }

  async function tell(newest) {
    const after = lastShown();
    if (!allowed() || newest <= after) return;
    const answer = await fetch(`${bell.dataset.fresh}?after=${after}`, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    localStorage.setItem("dc-shown", String(newest));
    for (const { id, title, sentence, url } of (await answer.json()).notices) {
      const note = new Notification(title, { body: sentence, tag: `dc-${id}` });
      note.addEventListener("click", () => { window.focus(); location.assign(url); });
    }
  }

  const allow = document.querySelector("[data-allow-notices]");
  function sayAllowed() {
    if (!allow) return;
    const said = document.querySelector("[data-allowed]");
    const state = "Notification" in window ? Notification.permission : "unsupported";
    allow.hidden = state !== "default";
    said.textContent = {
      granted: "This browser tells you.",
      denied: "This browser was told not to ask. Allow notifications of this site in its settings, then load the page again.",
      unsupported: "This browser cannot show notices of a page.",
    }[state] || "";
  }
  allow?.addEventListener("click", () => Notification.requestPermission().then(sayAllowed));
  sayAllowed();

  function show({ unread, waiting, show: newest }) {
    tell(newest).catch(() => {}); // they stay unread behind the bell, and are tried again with the next question
    const badge = bell.querySelector("[data-unread]");
    badge.textContent = unread > 99 ? "99+" : unread;
    badge.hidden = !unread;
    bell.setAttribute("aria-label", unread ? `Notices, ${unread} unread` : "Notices");
    document.querySelectorAll("[data-waiting]").forEach((count) => {
      count.textContent = waiting;
      count.hidden = !waiting;
    });
  }

  async function ask() {
    if ((document.hidden && !allowed()) || Date.now() - asked < every / 2) return;
    asked = Date.now();
    try {
      const answer = await fetch(bell.dataset.pulse, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.ok && !answer.redirected) show(await answer.json());
    } catch {
      // The network is away for a moment: the numbers stay as they were, and the next question comes soon.
    }
  }

  function askAnew() {
    asked = 0;
    ask();
  }

  pop.addEventListener("toggle", (event) => {
    if (event.newState === "open") window.htmx.ajax("GET", pop.dataset.list, { target: pop, swap: "innerHTML" });
    else askAnew();
  });
  document.addEventListener("acted", askAnew);
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, every);
  ask();
})();
