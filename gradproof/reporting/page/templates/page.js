// The page: draws figures when they come into sight, and follows controls, light and dark, and paper.
const root = document.documentElement;
root.classList.add("scripted");

const sources = new Map([["page", page]]);
const CONFIG = {
  displaylogo: false,
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  doubleClick: "reset",
};
const drawn = new Set();
const PAPER_WIDTH = 680;
let onPaper = false;

function source(section) {
  if (!sources.has(section)) sources.set(section, JSON.parse(document.getElementById(`data-${section}`).textContent));
  return sources.get(section);
}

function state(figure) {
  const values = {};
  for (const control of figure.querySelectorAll("select, input:checked, input[type=hidden]")) values[control.dataset.control] = control.value;
  return values;
}

// Plotly takes a second to start, so that it starts when the page can be read already.
function plotly() {
  if (!globalThis.Plotly) {
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.append(script);
    script.remove();
  }
  return globalThis.Plotly;
}

function draw(figure) {
  const plot = figure.querySelector(".plot");
  const { section, plot: name, kind } = figure.dataset;
  const data = source(section)[name];
  const names = section === "page" ? [] : page.parameters[section - 1];
  const wide = onPaper ? PAPER_WIDTH : plot.clientWidth;
  const make = { lines: linesFigure, entries: heatFigure };
  const { traces, layout, remark } = kind === "bars" ? barsFigure(data, state(figure), wide) : make[kind](data, state(figure), names, wide, onPaper);
  if (onPaper) Object.assign(layout, { width: PAPER_WIDTH, autosize: false });
  const place = figure.querySelector(".remark");
  if (place) place.textContent = remark ?? "";
  plotly().react(plot, traces, layout, CONFIG);
  if (!drawn.has(figure)) {
    drawn.add(figure);
    plot.on("plotly_relayout", (change) => followZoom(plot, kind, change));
  }
}

// The labels of the axes are made for what is in sight.
function followZoom(plot, kind, change) {
  const moved = Object.keys(change).some((key) => /^[xy]axis/.test(key) && !key.includes("tick"));
  if (kind !== "lines" || !moved) return;
  const { xaxis, yaxis } = plot.layout;
  const made = { xaxis: stepAxis(xaxis.range) };
  if (yaxis.type === "log") made.yaxis = valueTicks(...yaxis.range);
  plotly().relayout(
    plot,
    Object.fromEntries(
      Object.entries(made).flatMap(([axis, ticks]) => Object.entries(ticks).map(([key, value]) => [`${axis}.${key}`, value])),
    ),
  );
}

const figures = [...document.querySelectorAll(".figure")];
const sight = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        sight.unobserve(target);
        draw(target);
      }
    }
  },
  { rootMargin: "500px" },
);
for (const figure of figures) figure.addEventListener("change", () => draw(figure));
addEventListener("load", () => setTimeout(() => figures.forEach((figure) => sight.observe(figure)), 50));

// Light and dark: as the system has it, until the button says otherwise.
const system = matchMedia("(prefers-color-scheme: dark)");
const button = document.getElementById("theme");
let chosen = null;

function applyTheme() {
  const dark = !onPaper && (chosen ?? system.matches);
  root.classList.toggle("is-dark", dark);
  root.style.colorScheme = dark ? "dark" : "light";
  button.textContent = dark ? "Light" : "Dark";
  button.setAttribute("aria-pressed", String(dark));
}

function redraw() {
  drawn.forEach(draw);
}

button.addEventListener("click", () => {
  chosen = !root.classList.contains("is-dark");
  applyTheme();
  redraw();
});
system.addEventListener("change", () => {
  applyTheme();
  redraw();
});
applyTheme();

// On paper: light, everything opened, all plots drawn at the paper's width, whatever else asks for a drawing meanwhile.
const opened = [];
addEventListener("beforeprint", () => {
  onPaper = true;
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    opened.push(details);
  }
  applyTheme();
  figures.forEach(draw);
});
addEventListener("afterprint", () => {
  onPaper = false;
  for (const details of opened.splice(0)) details.open = false;
  applyTheme();
  redraw();
});
