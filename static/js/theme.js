// Loaded before the first paint, so that neither theme flashes. The choice "auto" follows the system.
(function () {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      return localStorage.getItem("dc-theme") || "auto";
    } catch {
      return "auto"; // storage may be forbidden; then the system decides
    }
  }

  function apply() {
    const chosen = choice();
    root.setAttribute("data-bs-theme", chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen);
    root.setAttribute("data-theme-choice", chosen);
    document.dispatchEvent(new Event("dc:theme"));
  }

  window.dcTheme = {
    choice,
    choose(value) {
      try {
        localStorage.setItem("dc-theme", value);
      } catch {
        root.setAttribute("data-bs-theme", value);
        return;
      }
      apply();
    },
  };

  dark.addEventListener("change", apply);
  window.addEventListener("storage", (event) => event.key === "dc-theme" && apply());
  apply();

  // The server writes times in the zone of this cookie (demandcenter/middleware.py).
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`dc_zone=${encodeURIComponent(zone)}`)) {
    document.cookie = `dc_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
  }
})();
