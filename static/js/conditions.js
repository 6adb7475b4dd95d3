// The condition builder: rows of field, comparison and value in groups, over a text area that holds the same as JSON.
// Without script the JSON is edited as it is. The server says the condition in words, what is wrong with it and how
// many rows it matches (funnel/condition_views.py).
(function () {
  "use strict";
  const pause = 350; // milliseconds after the last key before the server is asked
  const numeral = /^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)$/;
  const groupWords = {
    all: "All of these hold",
    any: "Any of these holds",
    notall: "Not all of these hold",
    none: "None of these holds",
  };

  // Small things ----------------------------------------------------------------------------------------------------
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  const answers = new Map(); // an address -> what the server said; the fields of a page do not change
  function fieldsAt(address) {
    if (!answers.has(address)) {
      const asked = fetch(address, { headers: { Accept: "application/json" } }).then((answer) => {
        if (!answer.ok) throw new Error(`${answer.status}`);
        return answer.json();
      });
      asked.catch(() => answers.delete(address));
      answers.set(address, asked);
    }
    return answers.get(address);
  }

  const listOf = (value) => (Array.isArray(value) ? value : value === null || value === undefined ? [] : [value]);
  const filled = (value) => value !== null && value !== undefined && value !== "";

  // JSON to what is shown, and back ---------------------------------------------------------------------------------
  function isLeaf(tree) {
    return "field" in tree && Object.keys(tree).every((key) => ["field", "op", "value"].includes(key));
  }

  function toNode(tree) {
    if (tree === null || typeof tree !== "object" || Array.isArray(tree)) return null;
    if (isLeaf(tree)) {
      if (typeof (tree.field ?? "") !== "string" || typeof (tree.op ?? "") !== "string") return null;
      return { field: tree.field ?? "", op: tree.op ?? "", value: tree.value ?? null };
    }
    const keys = Object.keys(tree);
    if (keys.length !== 1) return null;
    if (keys[0] === "not") {
      const inner = toNode(tree.not);
      if (!inner) return null;
      if (inner.how === "all") return { ...inner, how: "notall" };
      if (inner.how === "any") return { ...inner, how: "none" };
      return { how: "none", parts: [inner] };
    }
    if (!["all", "any"].includes(keys[0]) || !Array.isArray(tree[keys[0]])) return null;
    const parts = tree[keys[0]].map(toNode);
    return parts.includes(null) ? null : { how: keys[0], parts };
  }

  function rootOf(tree) {
    if (tree && typeof tree === "object" && !Array.isArray(tree) && !Object.keys(tree).length) {
      return { how: "all", parts: [] };
    }
    const node = toNode(tree);
    return node && !node.how ? { how: "all", parts: [node] } : node;
  }

  function toTree(node) {
    if (!node.how) {
      const leaf = { field: node.field, op: node.op };
      if (filled(node.value)) leaf.value = node.value;
      return leaf;
    }
    const parts = node.parts.map(toTree);
    if (!parts.length) return {};
    const single = parts.length === 1;
    if (node.how === "all" || node.how === "any") return single ? parts[0] : { [node.how]: parts };
    return { not: single ? parts[0] : { [node.how === "notall" ? "all" : "any"]: parts } };
  }

  let numbers = 0;

  // One condition ---------------------------------------------------------------------------------------------------
  class Builder {
    constructor(box) {
      this.box = box;
      this.id = `cond-${(numbers += 1)}`;
      this.textarea = box.querySelector("textarea");
      this.said = box.querySelector("[data-said]");
      this.decider = this.findDecider();
      this.rows = element("div", { class: "cond-rows" });
      this.problems = element("ul", { class: "cond-problems" });
      this.count = element("p", { class: "cond-count" });
      this.result = element("div", { class: "cond-result", role: "status", "aria-live": "polite" });
      this.result.append(this.said, this.problems, this.count);
      this.switch = element("button", { type: "button", class: "cond-switch", on: { click: () => this.turn() } });
      this.box.prepend(this.rows);
      this.box.append(this.result, this.switch);
      this.textarea.addEventListener("input", () => this.askSoon());
      this.decider?.addEventListener("change", () => this.open());
      this.open();
    }

    findDecider() {
      const name = this.box.dataset.decidedBy;
      if (!name) return null;
      return this.textarea.form.elements[this.textarea.name.replace(/[^-]+$/, name)] || null;
    }

    // What the condition is about: "touch", "person", "lead"; "" for a kind without a condition.
    get about() {
      const of = JSON.parse(this.box.dataset.of);
      return typeof of === "string" ? of : (of[this.decider?.value] ?? "");
    }

    address(last) {
      return `${this.box.dataset.url}/${this.about}/${last}`;
    }

    async open() {
      this.box.classList.toggle("is-unused", !this.about);
      if (!this.about && !this.textarea.value.trim()) {
        this.showUnused();
        return;
      }
      try {
        this.known = this.about ? await fieldsAt(this.address("fields")) : { fields: [], named: [], operators: {} };
      } catch {
        this.showText("The list of fields could not be read; the condition can be edited as JSON.");
        return;
      }
      this.read();
      this.ask();
    }

    showUnused() {
      this.textarea.hidden = true;
      this.switch.hidden = true;
      this.rows.replaceChildren(element("p", { class: "cond-note" }, "This kind has no condition."));
      this.said.textContent = "";
      this.tell([], "");
    }

    showText(note) {
      this.rows.replaceChildren(...(note ? [element("p", { class: "cond-note" }, note)] : []));
      this.textarea.hidden = false;
      this.switch.hidden = Boolean(note);
      this.switch.textContent = "Edit as rows";
    }

    // From the text area to rows; what cannot be shown as rows stays text.
    read() {
      let tree;
      try {
        tree = this.textarea.value.trim() ? JSON.parse(this.textarea.value) : {};
      } catch {
        tree = null;
      }
      this.root = tree === null ? null : rootOf(tree);
      if (!this.root) {
        this.showText("");
        return false;
      }
      this.textarea.hidden = true;
      this.switch.hidden = false;
      this.switch.textContent = "Edit as JSON";
      this.draw();
      return true;
    }

    turn() {
      if (!this.textarea.hidden) {
        if (this.read()) this.rows.querySelector("select, button")?.focus();
        else this.tell(["This cannot be shown as rows. Mend the JSON first."], "");
        return;
      }
      this.showText("");
      this.textarea.focus();
    }

    // After a change of a value: rows stay as they are, so that nobody loses their place.
    write() {
      const tree = toTree(this.root);
      this.textarea.value = Object.keys(tree).length ? JSON.stringify(tree, null, 2) : "";
      this.textarea.dispatchEvent(new Event("change", { bubbles: true }));
      this.askSoon();
    }

    // After a change of shape: rows are drawn anew, and the focus goes to where it makes sense.
    change(focus) {
      this.write();
      this.draw();
      const target = focus && this.rows.querySelector(`[data-at="${focus}"]`);
      target?.focus();
    }

    draw() {
      this.rows.replaceChildren(this.drawGroup(this.root, null, "0"));
    }

    drawGroup(group, parent, at) {
      const box = element("div", { class: "cond-group", role: "group", "aria-label": groupWords[group.how] });
      const plain = !parent && group.parts.length < 2 && group.how === "all";
      if (!plain) {
        const how = element("select", {
          class: "cond-how", "aria-label": "How many of these must hold",
          on: { change: (event) => {
            group.how = event.target.value;
            box.setAttribute("aria-label", groupWords[group.how]);
            this.write();
          } },
        });
        for (const [key, words] of Object.entries(groupWords)) how.append(new Option(words, key, false, key === group.how));
        const head = element("div", { class: "cond-head" }, how);
        if (parent) head.append(this.remover("Remove this group", group, parent, at));
        box.append(head);
      }
      group.parts.forEach((part, index) => {
        const here = `${at}.${index}`;
        box.append(part.how ? this.drawGroup(part, group, here) : this.drawLeaf(part, group, here));
      });
      if (!group.parts.length) box.append(element("p", { class: "cond-note" }, "No condition: it always holds."));
      box.append(this.adders(group, at));
      return box;
    }

    adders(group, at) {
      const add = (part) => () => {
        group.parts.push(part());
        const last = `${at}.${group.parts.length - 1}`;
        this.change(`${last}${group.parts.at(-1).how ? ".0" : ""}:field`);
      };
      const blank = () => ({ field: "", op: "", value: null });
      const line = element("div", { class: "cond-add" });
      line.append(element("button", { type: "button", "data-at": `${at}:add`, on: { click: add(blank) } }, "Add a comparison"));
      if (group.parts.length && at.split(".").length < 5) {
        const inner = () => ({ how: group.how === "any" ? "all" : "any", parts: [blank()] });
        line.append(element("button", { type: "button", on: { click: add(inner) } }, "Add a group"));
      }
      return line;
    }

    remover(label, part, parent, at) {
      const remove = () => {
        parent.parts.splice(parent.parts.indexOf(part), 1);
        const above = at.slice(0, at.lastIndexOf("."));
        this.change(`${above}:add`);
      };
      return element("button", { type: "button", class: "cond-x", "aria-label": label, title: label, on: { click: remove } }, "×");
    }

    // One comparison ------------------------------------------------------------------------------------------------
    // A select stays itself while somebody types its words: only what stands behind it is drawn anew.
    drawLeaf(leaf, parent, at) {
      const rest = element("span", { class: "cond-rest" });
      const draw = () => rest.replaceChildren(...this.behindField(leaf));
      draw();
      const remover = this.remover("Remove this comparison", leaf, parent, at);
      return element("div", { class: "cond-row" }, this.fieldSelect(leaf, at, draw), rest, remover);
    }

    behindField(leaf) {
      const field = this.fieldOf(leaf.field);
      if (!field) return [];
      const values = element("span", { class: "cond-rest" });
      const draw = () => values.replaceChildren(...this.valueInputs(leaf, field));
      draw();
      const name = field.prefix ? [this.nameInput(leaf, field)] : [];
      return [...name, this.operatorSelect(leaf, field, draw), values];
    }

    // The field by its name; attributes are known by how the name begins. null: none chosen, or not to be had here.
    fieldOf(name) {
      const found = this.known.fields.find((field) => field.name === name);
      if (found) return found;
      const named = this.known.named.find((known) => name.startsWith(`${known.prefix}.`));
      return named ? { ...named, type: "any", choices: [], suggests: "" } : null;
    }

    fieldSelect(leaf, at, drawRest) {
      const field = this.fieldOf(leaf.field);
      const choose = (event) => {
        const before = this.fieldOf(leaf.field);
        leaf.field = event.target.value;
        const now = this.fieldOf(leaf.field);
        if (now && !now.ops.includes(leaf.op)) leaf.op = now.ops[0];
        if (now?.type !== before?.type || now?.choices.length) leaf.value = now?.type === "boolean" ? true : null;
        select.title = now?.help || "";
        drawRest();
        this.write();
      };
      const select = element("select", { "data-at": `${at}:field`, "aria-label": "Field", on: { change: choose } });
      select.append(new Option("Choose a field …", ""));
      const groups = new Map();
      const add = (group, option) => {
        if (!groups.has(group)) groups.set(group, element("optgroup", { label: group }));
        groups.get(group).append(option);
      };
      for (const known of this.known.fields) add(known.group, new Option(known.label, known.name, false, known.name === leaf.field));
      for (const named of this.known.named) {
        add(named.group, new Option(named.label, named.prefix === field?.prefix ? leaf.field : `${named.prefix}.`, false, named.prefix === field?.prefix));
      }
      select.append(...groups.values());
      if (leaf.field && !field) select.append(new Option(`${leaf.field} (not to be had here)`, leaf.field, true, true));
      if (field?.help) select.title = field.help;
      return select;
    }

    nameInput(leaf, field) {
      const input = this.input({ "aria-label": "Name of the attribute", placeholder: "Name", value: leaf.field.slice(field.prefix.length + 1) });
      this.offer(input, field.prefix);
      input.addEventListener("input", () => {
        leaf.field = `${field.prefix}.${input.value}`;
        this.write();
      });
      return input;
    }

    operatorSelect(leaf, field, drawValues) {
      const choose = (event) => {
        const before = this.known.operators[leaf.op]?.takes;
        leaf.op = event.target.value;
        const takes = this.known.operators[leaf.op].takes;
        if (takes === "nothing") leaf.value = null;
        else if (takes !== before) leaf.value = this.carried(leaf.value, takes);
        drawValues();
        this.write();
      };
      const select = element("select", { "aria-label": "Comparison", on: { change: choose } });
      if (!field.ops.includes(leaf.op)) select.append(new Option(leaf.op || "Choose …", leaf.op, true, true));
      for (const op of field.ops) select.append(new Option(this.known.operators[op].words, op, false, op === leaf.op));
      return select;
    }

    // The value as the other kind of comparison takes it.
    carried(value, takes) {
      if (takes === "list") return listOf(value).filter(filled);
      if (takes === "bounds") return [...listOf(value), "", ""].slice(0, 2);
      return listOf(value).find(filled) ?? null;
    }

    valueInputs(leaf, field) {
      const takes = this.known.operators[leaf.op]?.takes;
      if (!takes || takes === "nothing") return [];
      if (field.type === "boolean") return [this.yesOrNo(leaf)];
      if (field.choices.length) return [takes === "list" ? this.checks(leaf, field) : this.oneChoice(leaf, field)];
      if (takes === "list" || takes === "some") return [this.chips(leaf, field, takes)];
      if (takes === "bounds") return this.bounds(leaf, field);
      if (takes === "days") return [this.single(leaf, true, "Days"), element("span", { class: "cond-word" }, "days")];
      const scale = ["lt", "lte", "gt", "gte"].includes(leaf.op);
      return [this.single(leaf, field.type === "number" || (field.type === "any" && scale), "Value", field)];
    }

    yesOrNo(leaf) {
      const select = element("select", { "aria-label": "Value", on: { change: (event) => { leaf.value = event.target.value === "yes"; this.write(); } } });
      if (typeof leaf.value !== "boolean") select.append(new Option("Choose …", "", true, true));
      select.append(new Option("yes", "yes", false, leaf.value === true), new Option("no", "no", false, leaf.value === false));
      return select;
    }

    oneChoice(leaf, field) {
      const select = element("select", { "aria-label": "Value", on: { change: (event) => { leaf.value = event.target.value; this.write(); } } });
      const known = field.choices.some(([value]) => value === leaf.value);
      if (!known) select.append(new Option(filled(leaf.value) ? `${leaf.value} (unknown)` : "Choose …", leaf.value ?? "", true, true));
      for (const [value, label] of field.choices) select.append(new Option(label, value, false, value === leaf.value));
      return select;
    }

    checks(leaf, field) {
      const chosen = new Set(listOf(leaf.value));
      const box = element("span", { class: "cond-checks", role: "group", "aria-label": "Values" });
      for (const [value, label] of field.choices) {
        const input = element("input", { type: "checkbox", checked: chosen.has(value) });
        input.addEventListener("change", () => {
          if (input.checked) chosen.add(value);
          else chosen.delete(value);
          leaf.value = [...chosen];
          this.write();
        });
        box.append(element("label", {}, input, label));
      }
      return box;
    }

    input(attributes) {
      const input = element("input", { type: "text", autocomplete: "off", ...attributes });
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") event.preventDefault(); // it would send the whole form
      });
      return input;
    }

    single(leaf, numeric, label, field = null) {
      const attributes = { "aria-label": label, value: filled(leaf.value) ? String(listOf(leaf.value)[0]) : "" };
      if (field?.type === "date") attributes.type = "date";
      if (numeric) Object.assign(attributes, { inputmode: "decimal", class: "is-number" });
      const input = this.input(attributes);
      if (field?.suggests) this.offer(input, field.suggests);
      input.addEventListener("input", () => {
        leaf.value = this.valueOf(input.value, numeric);
        this.write();
      });
      return input;
    }

    bounds(leaf, field) {
      if (!Array.isArray(leaf.value)) leaf.value = this.carried(leaf.value, "bounds");
      const one = (index, label) => {
        const attributes = { "aria-label": label, value: filled(leaf.value[index]) ? String(leaf.value[index]) : "" };
        if (field.type === "date") attributes.type = "date";
        else Object.assign(attributes, { inputmode: "decimal", class: "is-number" });
        const input = this.input(attributes);
        input.addEventListener("input", () => {
          leaf.value[index] = this.valueOf(input.value, field.type !== "date");
          this.write();
        });
        return input;
      };
      return [one(0, "From"), element("span", { class: "cond-word" }, "and"), one(1, "To")];
    }

    // A number where one is meant and typed; otherwise the text, so that the server can say what is wrong with it.
    valueOf(text, numeric) {
      const trimmed = text.trim();
      return numeric && numeral.test(trimmed) && trimmed.length < 16 ? Number(trimmed) : text;
    }

    // Several values: each one a chip; Enter adds, backspace in the empty input takes the last one back.
    chips(leaf, field, takes) {
      const numeric = field.type === "number";
      const box = element("span", { class: "cond-chips" });
      const label = takes === "list" ? "Add a value" : "Add a text";
      const input = this.input({ "aria-label": `${label}, then press Enter`, placeholder: "Type, then Enter" });
      const keep = (values) => {
        leaf.value = takes === "some" && values.length === 1 ? values[0] : values;
        this.write();
      };
      const remove = (value) => {
        keep(listOf(leaf.value).filter((held) => held !== value));
        show();
        input.focus();
      };
      const show = () => {
        const held = listOf(leaf.value).filter(filled);
        box.replaceChildren(
          ...held.map((value) => element("button", { type: "button", class: "cond-chip", title: "Remove", "aria-label": `Remove ${value}`, on: { click: () => remove(value) } }, String(value), element("span", { "aria-hidden": "true" }, "×"))),
          input,
        );
      };
      const add = (text) => {
        const added = text.split("\n").map((part) => this.valueOf(part.trim(), numeric)).filter(filled);
        input.value = "";
        if (!added.length) return;
        keep([...new Set([...listOf(leaf.value).filter(filled), ...added])]);
        show();
        input.focus();
      };
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") add(input.value);
        else if (event.key === "Backspace" && !input.value && listOf(leaf.value).length) remove(listOf(leaf.value).at(-1));
      });
      input.addEventListener("change", () => add(input.value)); // left, or chosen from the list
      input.addEventListener("paste", (event) => {
        const text = event.clipboardData.getData("text");
        if (!text.includes("\n")) return;
        event.preventDefault();
        add(text);
      });
      if (field.suggests) this.offer(input, field.suggests);
      show();
      return box;
    }

    // Values that exist, as the input's list.
    offer(input, of) {
      const list = element("datalist", { id: `${this.id}-${(numbers += 1)}` });
      input.setAttribute("list", list.id);
      let timer;
      let latest = null;
      const look = async () => {
        const wanted = input.value;
        if (wanted === latest) return;
        latest = wanted;
        try {
          const query = new URLSearchParams({ of, q: wanted });
          const answer = await fetch(`${this.address("choices")}?${query}`);
          const { values } = await answer.json();
          if (wanted === latest) list.replaceChildren(...values.map((value) => element("option", { value })));
        } catch {
          list.replaceChildren(); // typing goes on without suggestions
        }
      };
      input.addEventListener("focus", look);
      input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(look, pause / 2);
      });
      queueMicrotask(() => input.after(list)); // once the input stands in its row
    }

    // What the server says of it ------------------------------------------------------------------------------------
    askSoon() {
      clearTimeout(this.timer);
      this.count.textContent = this.about ? "Counting …" : "";
      this.timer = setTimeout(() => this.ask(), pause);
    }

    async ask() {
      if (!this.about) {
        this.tell(this.textarea.value.trim() ? ["This kind has no condition; remove the comparisons."] : [], "");
        return;
      }
      this.asked?.abort();
      const asked = (this.asked = new AbortController());
      const body = new FormData();
      body.set("condition", this.textarea.value);
      const token = this.textarea.form.querySelector("[name=csrfmiddlewaretoken]").value;
      try {
        const answer = await fetch(this.address("count"), { method: "POST", body, signal: asked.signal, headers: { "X-CSRFToken": token } });
        if (!answer.ok) throw new Error(`${answer.status}`);
        const { sentence, problems, count } = await answer.json();
        this.said.textContent = sentence;
        this.tell(problems, count);
      } catch (error) {
        if (error.name !== "AbortError") this.tell([], "The matches could not be counted; saving works all the same.");
      }
    }

    tell(problems, count) {
      this.problems.replaceChildren(...problems.map((problem) => element("li", {}, problem)));
      this.count.textContent = count;
      this.box.classList.toggle("has-problems", problems.length > 0);
    }
  }

  // Every condition of the page, once it comes into view; rows of a formset that are added later too -----------------
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      new Builder(target);
    }
  });
  function watch(within) {
    for (const box of within.querySelectorAll("[data-condition]")) {
      if (!box.querySelector("textarea").name.includes("__prefix__")) seen.observe(box);
    }
  }

  // Rows of a formset are folded. The theme unfolds them by the mouse only; here by the keyboard too, and a row that
  // is added opens at once.
  function makeFoldable(within) {
    for (const title of within.querySelectorAll(".form-group[x-data] > .form-row > h3 strong:not([role])")) {
      const content = title.closest(".form-row").querySelector("h3 ~ div");
      const mark = () => title.setAttribute("aria-expanded", String(content.offsetParent !== null));
      title.setAttribute("role", "button");
      title.tabIndex = 0;
      title.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        title.click();
      });
      title.addEventListener("click", () => setTimeout(mark));
      setTimeout(mark);
    }
  }

  function open(row) {
    const title = row.querySelector("h3 strong");
    if (!row.querySelector("[data-condition]") || !title) return;
    title.click();
    setTimeout(() => { // once it is shown
      row.scrollIntoView({ block: "center" });
      row.querySelector("input[type=text], select")?.focus({ preventScroll: true });
    }, 50);
  }

  document.addEventListener("formset:added", (event) => {
    watch(event.target);
    makeFoldable(event.target.parentElement);
    setTimeout(() => open(event.target)); // the theme has to know the row first
  });
  function start() {
    watch(document);
    makeFoldable(document);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => setTimeout(start));
  else start();
})();
