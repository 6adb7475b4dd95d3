// The bell and the queue's number: one small question now and then, only while somebody looks at the page.
(function () {
  "use strict";
  const every = 20000;
  const bell = document.getElementById("bell");
  if (!bell) return;
  const pop = document.getElementById("notices");
  let asked = 0;

  function show({ unread, waiting }) {
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
    if (document.hidden || Date.now() - asked < every / 2) return;
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
