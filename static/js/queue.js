// Queue and Today: which lead is selected, what stands beside it, and a list that follows the server without losing the
// place: rows are compared by lead, so selection, scroll, ticks and whatever is being typed stay as they are.
(function () {
  "use strict";
  const every = 5000; // milliseconds between looks at the server
  const side = document.getElementById("side");
  const live = document.getElementById("live");
  const ticked = new Set();
  let selected = new URLSearchParams(location.search).get("lead");
  let pending = null; // the wait before the pane is fetched: j held down must not fetch every lead it passes

  const list = () => document.getElementById("queue-list");
  const rows = () => [...document.querySelectorAll("#queue-rows > .q-row")];
  const rowOf = (lead) => document.getElementById(`lead-${lead}`);
  const wide = () => getComputedStyle(side).display !== "none";

  // Selection --------------------------------------------------------------------------------------------------------
  function mark() {
    rows().forEach((row) => {
      const on = row.dataset.lead === selected;
      row.classList.toggle("sel", on);
      row.toggleAttribute("data-acts-here", on);
      if (on) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  }

  function select(row, { focus = false, scroll = true } = {}) {
    if (!row) {
      selected = null;
      showNothing();
      return;
    }
    const same = row.dataset.lead === selected;
    selected = row.dataset.lead;
    mark();
    if (scroll) row.scrollIntoView({ block: "nearest" });
    if (focus) row.querySelector(".p1 a").focus({ preventScroll: true });
    const address = new URL(location.href);
    address.searchParams.set("lead", selected);
    history.replaceState(null, "", address);
    if (!same || !side.dataset.lead) showBeside(row);
  }

  function showBeside(row) {
    clearTimeout(pending);
    if (!wide()) return;
    pending = setTimeout(() => {
      side.dataset.lead = row.dataset.lead;
      window.htmx.ajax("GET", row.dataset.side, { source: side, target: side, swap: "innerHTML" });
    }, 90);
  }

  function showNothing() {
    clearTimeout(pending);
    delete side.dataset.lead;
    side.replaceChildren();
  }

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.lead === selected);
    const to = at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1);
    select(all[to], { focus: true });
  }

  document.addEventListener("keydown", (event) => {
    if (!window.dcApp.commands(event)) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      step(event.key === "j" ? 1 : -1);
    } else if (event.key === "Enter" && !event.target.closest("a, button, label, summary, [popover]")) {
      rowOf(selected)?.querySelector(".p1 a").click();
    }
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("#queue-rows > .q-row");
    if (row && !event.target.closest("a, .tick")) select(row, { scroll: false });
  });
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("#queue-rows > .q-row");
    if (row && row.dataset.lead !== selected && event.target.matches(":focus-visible")) select(row, { scroll: false });
  });

  // Acts: the next lead is selected at once; the row goes when the server has said so --------------------------------
  function next(row) {
    const all = rows();
    const at = all.indexOf(row);
    return all[at + 1] || all[at - 1] || null;
  }

  function remove(lead) {
    const row = rowOf(lead);
    if (!row) return;
    if (row.dataset.lead === selected) {
      const focused = row.contains(document.activeElement) || document.activeElement === document.body;
      select(next(row), { focus: focused });
    }
    row.remove();
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const button = event.target.closest?.("[data-act=accept], [data-act=claim]");
    const row = button && rowOf(button.dataset.lead);
    if (!row) return;
    if (row.hasAttribute("aria-busy")) {
      event.preventDefault();
      return;
    }
    row.setAttribute("aria-busy", "true");
    event.detail.xhr.addEventListener("loadend", () => row.removeAttribute("aria-busy"));
    if (row.dataset.lead === selected && next(row)) select(next(row), { focus: row.contains(document.activeElement) });
  });
  document.addEventListener("acted", (event) => {
    if (event.detail.lead && !event.detail.undone && !event.detail.stays) remove(String(event.detail.lead));
    ticked.clear();
    lookAnew();
  });
  document.addEventListener("refused", (event) => {
    if (event.detail.lead) remove(String(event.detail.lead)); // if it still waits for us, this look brings it back
    lookAnew();
  });

  // Looking at the server --------------------------------------------------------------------------------------------
  let looking = false;
  let onceMore = false;

  function lookAnew() {
    list().dataset.digest = ""; // whatever the server has, it is to be sent
    onceMore = looking;
    look();
  }

  async function look() {
    if (looking || document.hidden) return;
    looking = true;
    try {
      const here = list();
      const answer = await fetch(`${here.dataset.rowsUrl}&seen=${here.dataset.digest}`, {
        headers: { "HX-Request": "true" },
        credentials: "same-origin",
      });
      if (answer.redirected) location.reload(); // the session ended
      else if (answer.status === 200) follow(new DOMParser().parseFromString(await answer.text(), "text/html"));
      else if (answer.status !== 204) throw new Error(String(answer.status));
      tell("live");
    } catch {
      tell("lost"); // said beside the list; the next look may succeed
    }
    looking = false;
    if (onceMore) lookAnew();
  }

  function tell(state) {
    live.dataset.state = state;
    const at = new Date().toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });
    live.querySelector("[data-live]").textContent = state === "live" ? `Live, ${at}` : "Not live: the server cannot be reached";
  }

  function follow(fresh) {
    const there = fresh.getElementById("queue-list");
    const here = list();
    there.querySelectorAll("[data-part]").forEach((part) => {
      document.querySelectorAll(`.dc-main [data-part="${part.dataset.part}"]`).forEach((old) => {
        if (old.innerHTML !== part.innerHTML) old.innerHTML = part.innerHTML;
      });
    });
    const oldRows = document.getElementById("queue-rows");
    const newRows = there.querySelector("#queue-rows");
    if (oldRows && newRows) followRows(oldRows, newRows);
    else {
      here.replaceChildren(...there.childNodes);
      window.htmx.process(here);
      const first = rows()[0];
      select(rowOf(selected) || first, { scroll: false });
    }
    const pager = here.querySelector(":scope > .pager");
    const newPager = there.querySelector(":scope > .pager");
    if (pager && newPager) pager.replaceWith(newPager);
    else if (newPager) here.append(newPager);
    else pager?.remove();
    here.dataset.digest = there.dataset.digest;
    showTicks();
  }

  // Put the rows into the server's order. A row that did not change is left alone; what is in view stays where it is.
  function followRows(old, fresh) {
    const anchor = rowOf(selected) || rows().find((row) => row.getBoundingClientRect().bottom > 0);
    const here = list(); // on a phone the page scrolls, not the list
    const scroller = getComputedStyle(here).overflowY === "auto" ? here : document.scrollingElement;
    const before = anchor?.getBoundingClientRect().top;
    const wanted = [...fresh.children];
    const leads = new Set(wanted.map((row) => row.dataset.lead));
    const focused = document.activeElement?.closest?.("#queue-rows > .q-row")?.dataset.lead;
    [...old.children].forEach((row) => { // rows, and on Today the headings between them
      if (leads.has(row.dataset.lead) || row.hasAttribute("aria-busy")) return;
      if (row.dataset.lead === selected) select(next(row), { scroll: false, focus: row.contains(document.activeElement) });
      row.remove();
    });
    let place = old.firstElementChild;
    for (const row of wanted) {
      const known = rowOf(row.dataset.lead);
      if (known && (known.hasAttribute("aria-busy") || same(known, row))) { // of an act under way the answer comes first
        if (known === place) place = place.nextElementSibling;
        else old.insertBefore(known, place);
        continue;
      }
      const drawn = document.importNode(row, true);
      drawn.dataset.came = known ? "again" : "new";
      if (known) {
        if (known === place) place = place.nextElementSibling;
        known.remove();
      }
      old.insertBefore(drawn, place);
      window.htmx.process(drawn);
    }
    mark();
    if (!rowOf(selected) && rows().length) select(rows()[0], { scroll: false });
    if (focused && rowOf(focused) && !rowOf(focused).contains(document.activeElement) && document.activeElement === document.body) {
      rowOf(focused).querySelector(".p1 a").focus({ preventScroll: true });
    }
    if (anchor?.isConnected && before !== undefined) scroller.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  // Compared as the server drew them: what this page has added since (selection, time left) does not count.
  const drawn = new WeakMap();
  function same(known, fresh) {
    const text = plain(fresh);
    const was = drawn.get(known) ?? plain(known);
    if (was !== text) return false;
    drawn.set(known, text);
    return true;
  }
  function plain(row) {
    const copy = row.cloneNode(true);
    copy.querySelectorAll("[data-clock], svg.bar, .tick").forEach((part) => {
      part.replaceWith(part.dataset?.due || "");
    });
    return copy.innerHTML.replace(/ class="htmx-\w+"/g, "").replace(/\s+/g, " ");
  }

  // Ticks for many at once -------------------------------------------------------------------------------------------
  const bulk = document.getElementById("bulk");

  function showTicks() {
    const boxes = [...document.querySelectorAll("[data-tick]")];
    const there = new Set(boxes.map((box) => box.value));
    ticked.forEach((lead) => there.has(lead) || ticked.delete(lead));
    boxes.forEach((box) => { box.checked = ticked.has(box.value); });
    if (!bulk) return;
    bulk.hidden = !ticked.size;
    bulk.querySelector("[data-ticked]").textContent = ticked.size;
    const all = bulk.querySelector("[data-tick-all]");
    all.checked = ticked.size === boxes.length;
    all.indeterminate = ticked.size > 0 && ticked.size < boxes.length;
  }
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches?.("[data-tick]")) box.checked ? ticked.add(box.value) : ticked.delete(box.value);
    else if (box.matches?.("[data-tick-all]")) {
      document.querySelectorAll("[data-tick]").forEach((one) => (box.checked ? ticked.add(one.value) : ticked.delete(one.value)));
    } else return;
    showTicks();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-untick]")) return;
    ticked.clear();
    showTicks();
  });

  // Beginning --------------------------------------------------------------------------------------------------------
  select(rowOf(selected) || rows()[0], { scroll: Boolean(selected) });
  showTicks();
  tell("live");
  setInterval(look, every);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pageshow", (event) => event.persisted && look());
})();
