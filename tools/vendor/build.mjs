// Rebuilds static/vendor from the packages pinned in package-lock.json:
//
//   cd tools/vendor && npm ci --ignore-scripts && npm run build
//
// The results are committed, so running the product needs no Node. To add an icon, put its Tabler name into
// icons.txt; to add a chart kind, register it in plotly.cjs; then run the two commands above.
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const vendor = join(here, "..", "..", "static", "vendor");

function write(target, text) {
  mkdirSync(dirname(join(vendor, target)), { recursive: true });
  writeFileSync(join(vendor, target), text);
}

function copy(source, target) {
  mkdirSync(dirname(join(vendor, target)), { recursive: true });
  copyFileSync(join(packages, source), join(vendor, target));
}

// Hashed static files are refused when they name a source map that is not shipped.
const withoutSourceMap = (text) => text.replace(/\n?\/[/*][#@] sourceMappingURL=[^\n]*\n?/g, "\n");

function tabler() {
  write("tabler/tabler.min.css", withoutSourceMap(readFileSync(join(packages, "@tabler/core/dist/css/tabler.min.css"), "utf8")));
  // The package carries its licence only as a line in the style sheet.
  write("tabler/LICENSE", readFileSync(join(here, "tabler-LICENSE"), "utf8"));
}

function htmx() {
  write("htmx/htmx.min.js", withoutSourceMap(readFileSync(join(packages, "htmx.org/dist/htmx.min.js"), "utf8")));
  copy("htmx.org/LICENSE", "htmx/LICENSE");
}

function inter() {
  for (const set of ["latin", "latin-ext"]) {
    copy(`@fontsource-variable/inter/files/inter-${set}-wght-normal.woff2`, `inter/inter-${set}.woff2`);
  }
  copy("@fontsource-variable/inter/LICENSE", "inter/LICENSE");
}

// One sprite instead of a font of 5,000 glyphs. Stroke and fill come from the class "ti" of the page.
function icons() {
  const names = readFileSync(join(here, "icons.txt"), "utf8").split("\n").filter(Boolean);
  const symbols = names.map((name) => {
    const svg = readFileSync(join(packages, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
    const shapes = svg
      .replace(/<svg[\s\S]*?>/, "")
      .replace("</svg>", "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" \/>/, "")
      .replace(/\s*\n\s*/g, "");
    return `<symbol id="ti-${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
  });
  write("icons/sprite.svg", `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
  copy("@tabler/icons/LICENSE", "icons/LICENSE");
}

// Plotly writes some styles as attributes, which a policy of style-src 'self' refuses: bold text and the reading of
// colour bars would be lost. The same through the style object is allowed. The build fails if a place has moved.
const styleAttributes = {
  "src/lib/svg_text_utils.js": [
    ["if(nodeSpec.style) nodeAttrs.style = nodeSpec.style;", ""],
    [
      "d3.select(newNode).attr(nodeAttrs);",
      "d3.select(newNode).attr(nodeAttrs); if(nodeSpec.style) newNode.style.cssText = nodeSpec.style;",
    ],
  ],
  "src/components/colorbar/draw.js": [[".attr('style', '')", ".each(function() { this.style.cssText = ''; })"]],
  "src/traces/heatmap/plot.js": [
    ["image3.attr('style', PIXELATED_IMAGE_STYLE);", "image3.each(function() { this.style.cssText = PIXELATED_IMAGE_STYLE; });"],
  ],
};

const withoutStyleAttributes = {
  name: "without-style-attributes",
  setup({ onLoad }) {
    const root = join(packages, "plotly.js");
    onLoad({ filter: /plotly\.js[\\/]src[\\/].*\.js$/ }, ({ path }) => {
      const replacements = styleAttributes[relative(root, path).replaceAll("\\", "/")];
      if (!replacements) return undefined;
      let contents = readFileSync(path, "utf8");
      for (const [from, to] of replacements) {
        if (!contents.includes(from)) throw new Error(`${path} no longer contains: ${from}`);
        contents = contents.replaceAll(from, to);
      }
      return { contents, loader: "js" };
    });
  },
};

async function plotly() {
  await build({
    entryPoints: [join(here, "plotly.cjs")],
    outfile: join(vendor, "plotly/plotly.min.js"),
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "Plotly",
    target: "es2018",
    define: { global: "window", "define.amd": "false" },
    legalComments: "eof",
    loader: { ".css": "empty" }, // only map layers have one
    banner: { js: `/* plotly.js ${version("plotly.js")}, a part of it (tools/vendor/plotly.cjs); MIT, see LICENSE */` },
    plugins: [withoutStyleAttributes],
    logLevel: "warning",
  });
  copy("plotly.js/LICENSE", "plotly/LICENSE");
}

function version(name) {
  return JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")).version;
}

function versions() {
  const names = ["@tabler/core", "@tabler/icons", "htmx.org", "@fontsource-variable/inter", "plotly.js"];
  const lines = names.map((name) => `${name} ${version(name)}`);
  write("VERSIONS.txt", `Built by tools/vendor/build.mjs from\n${lines.join("\n")}\n`);
}

rmSync(vendor, { recursive: true, force: true });
tabler();
htmx();
inter();
icons();
await plotly();
versions();
for (const file of ["tabler/tabler.min.css", "htmx/htmx.min.js", "icons/sprite.svg", "plotly/plotly.min.js"]) {
  console.log(`${(statSync(join(vendor, file)).size / 1024).toFixed(0).padStart(6)} kB  ${file}`);
}
