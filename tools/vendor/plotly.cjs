// The chart kinds the product draws; a kind that is missing here falls back to scatter without a word
// (tests/browser/test_bundle.py). scatter is part of the core.
const Plotly = require("plotly.js/lib/core");

Plotly.register([
  require("plotly.js/lib/bar"),
  require("plotly.js/lib/box"),
  require("plotly.js/lib/funnel"),
  require("plotly.js/lib/heatmap"),
  require("plotly.js/lib/histogram"),
  require("plotly.js/lib/indicator"),
  require("plotly.js/lib/pie"),
  require("plotly.js/lib/sankey"),
  require("plotly.js/lib/table"),
  require("plotly.js/lib/waterfall"),
]);

module.exports = Plotly;
