// The page of one lead after an act: the page is drawn anew in place, and the message with its undo stays.
(function () {
  "use strict";
  function drawAnew() {
    window.htmx.ajax("GET", location.pathname + location.search, { target: "#main", select: "#main", swap: "outerHTML" });
  }
  document.addEventListener("acted", drawAnew);
  document.addEventListener("refused", drawAnew);
})();
