// The page: draws pictures when they come into sight, and follows controls, widths, light and dark, and paper.
const root = document.documentElement;
root.classList.add("scripted");

const PAPER_WIDTH = 680;
const sources = new Map();
const drawn = new Set();
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

function draw(figure) {
  const { section, plot: name, kind } = figure.dataset;
  const width = onPaper ? PAPER_WIDTH : Math.max(280, figure.querySelector(".plot").clientWidth);
  const make = { lines: drawLines, entries: drawEntries }[kind];
  make(figure, source(section)[name], state(figure), page.parameters[section - 1], width);
  if (kind === "lines" && !drawn.has(figure)) followPointer(figure);
  drawn.add(figure);
}

const figures = [...document.querySelectorAll(".figure")];
const widths = new Map();
const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const figure = target.closest(".figure");
    const known = widths.get(target);
    widths.set(target, contentRect.width);
    if (known !== undefined && known !== contentRect.width && drawn.has(figure) && !onPaper) draw(figure);
  }
});
const sight = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      draw(target);
      resized.observe(target.querySelector(".plot"));
    }
  },
  { rootMargin: "500px" },
);
for (const figure of figures) {
  figure.addEventListener("change", () => draw(figure));
  sight.observe(figure);
}

// A link to what is folded unfolds it.
function unfold() {
  const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  const fold = target?.closest("details.fold");
  if (!fold || fold.open) return;
  fold.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

// Light and dark: as the system has it, until the button says otherwise.
const system = matchMedia("(prefers-color-scheme: dark)");
const button = document.getElementById("theme");
let chosen = null;

function applyTheme() {
  const dark = !onPaper && (chosen ?? system.matches);
  root.style.colorScheme = dark ? "dark" : "light";
  button.textContent = dark ? "Light" : "Dark";
  button.setAttribute("aria-pressed", String(dark));
}
button.addEventListener("click", () => {
  chosen = root.style.colorScheme !== "dark";
  applyTheme();
});
system.addEventListener("change", applyTheme);
applyTheme();

// On paper: light, everything opened, all pictures drawn at the paper's width, whatever else asks for a drawing meanwhile.
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
  drawn.forEach(draw);
});
