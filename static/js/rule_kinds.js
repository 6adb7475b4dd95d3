// A scoring rule shows the fields that its kind has use for; what was typed into the others stays until it is saved.
(function () {
  "use strict";
  const used = {
    touch: ["per_day", "window_days"],
    attribute: ["points_if_unknown"],
    inactivity: ["after_days", "every_days"],
  };
  const all = Object.values(used).flat();

  function adjust(select) {
    const prefix = select.name.replace(/kind$/, "");
    for (const name of all) {
      const input = select.form.elements[prefix + name];
      const line = input?.closest(".field-line");
      if (!line) continue;
      const wrong = line.classList.contains("errors");
      line.hidden = !(used[select.value] || []).includes(name) && !wrong;
      const row = line.closest(".field-row");
      if (row) row.hidden = [...row.querySelectorAll(":scope > .field-line")].every((each) => each.hidden);
    }
  }

  function look(within) {
    within.querySelectorAll('select[name^="rules-"][name$="-kind"]').forEach(adjust);
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches?.('select[name^="rules-"][name$="-kind"]')) adjust(event.target);
  });
  document.addEventListener("formset:added", (event) => look(event.target));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => look(document));
  else look(document);
})();
