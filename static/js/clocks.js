// Clocks that run: [data-clock] with data-due, data-warn and data-started keeps saying how much time is left.
// The server draws the same words (routing/hours/countdown.py); this goes on where the page left off.
(function () {
  "use strict";
  const icons = document.querySelector(".ti use")?.getAttribute("href").split("#")[0];

  function span(seconds) {
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    const days = Math.floor(hours / 24);
    if (days) return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
    if (hours) return `${hours} h ${String(minutes % 60).padStart(2, "0")} m`;
    return minutes ? `${minutes} m` : "under a minute";
  }

  function words(seconds) {
    if (seconds < 0) return `${span(-seconds)} late`;
    if (seconds < 600) return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")} left`;
    return `${span(seconds)} left`;
  }

  function show(clock, now) {
    const due = new Date(clock.dataset.due);
    const hot = "hot" in clock.dataset;
    const state = now > due ? "late" : hot ? "hot" : now >= new Date(clock.dataset.warn) ? "warn" : "ok";
    const left = clock.querySelector("[data-left]");
    const said = words((due - now) / 1000);
    if (left.textContent !== said) left.textContent = said;
    if (clock.dataset.state === state) return;
    const first = !("state" in clock.dataset);
    clock.dataset.state = state;
    if (first) return; // as the server drew it
    clock.classList.toggle("bad", state === "late" || state === "hot");
    clock.classList.toggle("warn", state === "warn");
    const icon = { late: hot ? "flame" : "alert-octagon", hot: "flame", warn: "clock-exclamation", ok: "clock" }[state];
    clock.querySelector("use")?.setAttribute("href", `${icons}#ti-${icon}`);
    const fill = clock.parentElement.querySelector("svg.bar rect + rect");
    fill?.setAttribute("class", `f-${{ late: "bad", hot: "bad", warn: "warn", ok: "mark" }[state]}`);
  }

  function showAll() {
    if (document.hidden) return;
    const now = new Date();
    // One that is paused stands still: the server's words hold.
    document.querySelectorAll("[data-clock]:not([data-paused])").forEach((clock) => {
      show(clock, now);
      const started = new Date(clock.dataset.started);
      const share = Math.min(Math.max((now - started) / (new Date(clock.dataset.due) - started), 0), 1);
      clock.parentElement.querySelector("svg.bar rect + rect")?.setAttribute("width", (share * 100).toFixed(2));
    });
  }

  setInterval(showAll, 1000);
  document.addEventListener("visibilitychange", showAll);
  document.addEventListener("htmx:load", showAll);
  showAll();
})();
