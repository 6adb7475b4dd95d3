// Figures: <div data-figure="id"> reads Plotly JSON from <script type="application/json" id="id">,
// <div data-figure-url="/address"> fetches it. Plotly itself is fetched with the first figure of a page.
// "var(--dc-x)" anywhere in a figure is resolved from the style sheet when drawing, so one figure serves both themes.
(function () {
  "use strict";
  const config = { displayModeBar: false, responsive: true, doubleClick: false };
  const drawn = new Map(); // element -> figure as it came, for drawing again in another theme
  let plotly = null;

  function loadPlotly() {
    plotly ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.documentElement.dataset.plotly;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => {
        plotly = null; // the next try may succeed
        reject(new Error("The chart library did not load."));
      };
      document.head.append(script);
    });
    return plotly;
  }

  function resolveColours(value, css) {
    if (typeof value === "string") {
      return value.replace(/var\((--[\w-]+)\)/g, (_, name) => css.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) return value.map((item) => resolveColours(item, css));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveColours(item, css)]));
    }
    return value;
  }

  // The look of every figure; what a figure's own layout says wins. It stands where plotly.py's template would.
  const axis = {
    gridcolor: "var(--dc-line)",
    showline: true,
    linecolor: "var(--dc-line-2)",
    ticks: "outside",
    ticklen: 3,
    tickcolor: "var(--dc-line-2)",
    zeroline: false,
    fixedrange: true,
  };
  const cell = { line: { color: "var(--dc-line)" }, font: { color: "var(--dc-ink)" }, height: 24 };
  const look = {
    layout: {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      showlegend: false,
      margin: { l: 40, r: 12, t: 8, b: 28 },
      font: { family: "var(--dc-font)", size: 11, color: "var(--dc-ink-2)" },
      hoverlabel: {
        bgcolor: "var(--dc-surface)",
        bordercolor: "var(--dc-line-2)",
        font: { family: "var(--dc-font)", size: 12, color: "var(--dc-ink)" },
      },
      colorway: ["mql", "sal", "sql", "opp", "inq", "won", "mark"].map((name) => `var(--dc-${name})`),
      xaxis: axis,
      yaxis: { ...axis, automargin: true }, // names of rows are as long as they are
    },
    data: {
      bar: [{ marker: { line: { width: 0 } } }],
      funnel: [{ connector: { fillcolor: "var(--dc-sunken)" } }],
      heatmap: [{
        colorscale: [[0, "var(--dc-sunken)"], [1, "var(--dc-accent)"]],
        colorbar: { outlinewidth: 0, thickness: 8, ticks: "" },
        xgap: 1,
        ygap: 1,
      }],
      indicator: [{
        number: { font: { size: 24, color: "var(--dc-ink)" } },
        gauge: { bar: { color: "var(--dc-accent)" }, bgcolor: "var(--dc-sunken)", borderwidth: 0 },
      }],
      pie: [{ marker: { line: { color: "var(--dc-surface)", width: 1 } } }],
      sankey: [{
        node: { pad: 14, thickness: 12, line: { width: 0 } },
        link: { color: "var(--dc-open)" },
        textfont: { color: "var(--dc-ink)", shadow: "none" },
      }],
      table: [{
        header: { ...cell, fill: { color: "var(--dc-sunken)" }, align: "left" },
        cells: { ...cell, fill: { color: "var(--dc-surface)" }, align: "left" },
      }],
      waterfall: [{
        increasing: { marker: { color: "var(--dc-good)" } },
        decreasing: { marker: { color: "var(--dc-bad)" } },
        totals: { marker: { color: "var(--dc-inq)" } },
        connector: { line: { color: "var(--dc-line-2)", width: 1 } },
      }],
    },
  };

  async function figureOf(element) {
    if (element.dataset.figure) {
      const source = document.getElementById(element.dataset.figure);
      if (!source) throw new Error("The figure's numbers are not on this page.");
      return JSON.parse(source.textContent);
    }
    const answer = await fetch(element.dataset.figureUrl, {
      headers: { Accept: "application/json", "X-Requested-With": "fetch" },
      credentials: "same-origin",
    });
    if (answer.redirected && !answer.headers.get("Content-Type")?.includes("json")) {
      throw new Error("You have been logged out. Log in again to see it.");
    }
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return answer.json();
  }

  function say(element, text, retry) {
    let box = element.querySelector(".fig-say");
    if (!box) {
      box = document.createElement("div");
      box.className = "fig-say";
      element.append(box);
    }
    box.textContent = text;
    if (retry) {
      box.setAttribute("role", "alert");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "ctl";
      button.textContent = "Try again";
      button.addEventListener("click", retry);
      box.append(button);
    }
  }

  // Of the points that share one hover label, the one nearest to the pointer.
  function nearest(event, points) {
    const top = event.event?.target?.closest?.(".fig")?.getBoundingClientRect().top;
    if (points.length < 2 || top === undefined || !points.every((point) => point.yaxis?.d2p)) return points[0];
    const distance = (point) => Math.abs(point.yaxis._offset + point.yaxis.d2p(point.y) - (event.event.clientY - top));
    return points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
  }

  function openRecords(event) {
    const address = nearest(event, event.points.filter((point) => point.customdata))?.customdata;
    const target = Array.isArray(address) ? address[0] : address;
    // Only addresses of this site: one slash, not two.
    if (typeof target === "string" && /^\/(?!\/)/.test(target)) location.assign(target);
  }

  async function paint(element, figure) {
    const css = getComputedStyle(document.documentElement);
    const library = await loadPlotly();
    const layout = { ...figure.layout, template: look };
    await library.react(element, resolveColours(figure.data, css), resolveColours(layout, css), config);
    if (!drawn.has(element)) element.on("plotly_click", openRecords);
    drawn.set(element, figure);
  }

  async function draw(element) {
    element.dataset.state = "loading";
    element.setAttribute("role", "img");
    element.setAttribute("aria-busy", "true");
    const patience = setTimeout(() => say(element, "Loading the chart …"), 400);
    try {
      const [figure] = await Promise.all([figureOf(element), document.fonts.ready, loadPlotly()]);
      clearTimeout(patience);
      element.querySelector(".fig-say")?.remove();
      if (!figure.data?.length) {
        say(element, "No data for these filters.");
        element.dataset.state = "empty";
      } else {
        await paint(element, figure);
        element.dataset.state = "drawn";
      }
    } catch (problem) {
      clearTimeout(patience);
      element.dataset.state = "failed";
      element.setAttribute("role", "group"); // a picture may hold no button
      say(element, `This chart could not be drawn. ${problem.message}`, () => {
        element.querySelector(".fig-say")?.remove();
        draw(element);
      });
    }
    element.removeAttribute("aria-busy");
  }

  function drawAll(root) {
    const found = [...root.querySelectorAll("[data-figure], [data-figure-url]")];
    if (root.matches?.("[data-figure], [data-figure-url]")) found.push(root);
    found.filter((element) => !element.dataset.state).forEach(draw);
  }

  document.addEventListener("dc:theme", () => {
    for (const [element, figure] of drawn) {
      if (element.isConnected) paint(element, figure);
      else drawn.delete(element);
    }
  });
  document.addEventListener("htmx:load", (event) => drawAll(event.target));
  document.addEventListener("htmx:beforeCleanupElement", (event) => {
    if (drawn.delete(event.target)) window.Plotly.purge(event.target);
  });
  drawAll(document);
})();
