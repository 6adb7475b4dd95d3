// The page of one lead after an act: the page is drawn anew in place, and the message with its undo stays.
(function () {
  "use strict";
  function drawAnew(event) {
    if (event.detail.gone) {
      // It is somebody else's now whose leads are out of sight: what was read stays, and nothing more can be done here.
      document.querySelectorAll("[data-acts-here]").forEach((acts) => acts.remove());
      return;
    }
    window.htmx.ajax("GET", location.pathname + location.search, { target: "#main", select: "#main", swap: "outerHTML" });
  }
  document.addEventListener("acted", drawAnew);
  document.addEventListener("refused", drawAnew);
})();
