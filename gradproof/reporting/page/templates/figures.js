// Figures: from a plot's data to what plotly draws. No text reaches plotly but through `plain`.
"use strict";

const page = JSON.parse(document.getElementById("data-page").textContent);

// Okabe and Ito's colours, in a dark and a light shade: told apart by colour-blind readers.
const COLOURS = {
  light: ["#0072b2", "#d55e00", "#00805f", "#b4578f", "#b07a00", "#2b8fc4", "#5c5c5c"],
  dark: ["#5db4ee", "#f58b4b", "#3fc79f", "#e39cc6", "#e9b84a", "#9ad4f5", "#b5b5b5"],
};
const DASHES = ["solid", "dot", "dash", "dashdot"];
const SYMBOLS = ["circle", "square", "diamond", "pentagon"];

// Plotly reads tags, entities and formulas ($…$) in its texts; a name is shown as it is.
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", $: "&#36;" };
const plain = (text) => String(text).replace(/[&<>$]/g, (sign) => ENTITIES[sign]);

const isNumber = (value) => typeof value === "number";

function theme() {
  const dark = document.documentElement.classList.contains("is-dark");
  return dark
    ? { dark, ink: "#e4e6e8", soft: "#a3a9af", grid: "#33383d", paper: "#16191c", raised: "#24292e", limit: "#ff9d6b", colours: COLOURS.dark }
    : { dark, ink: "#1c1f22", soft: "#5b6268", grid: "#e3e6e8", paper: "#ffffff", raised: "#ffffff", limit: "#b23c00", colours: COLOURS.light };
}

function baseLayout(look, height) {
  const font = { family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif", size: 12, color: look.soft };
  return {
    height,
    autosize: true,
    font,
    paper_bgcolor: look.paper,
    plot_bgcolor: look.paper,
    hovermode: "closest",
    hoverlabel: { bgcolor: look.raised, bordercolor: look.soft, font: { ...font, color: look.ink }, align: "left", namelength: -1 },
    // A finger that drags over a plot scrolls the page; a mouse zooms.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: look.soft, activecolor: look.ink },
  };
}

function axis(look, title) {
  return {
    title: { text: title, font: { size: 12, color: look.soft }, standoff: 8 },
    gridcolor: look.grid,
    linecolor: look.grid,
    zeroline: false,
    ticks: "",
    automargin: true,
  };
}

// Steps stand at step + 1 on a logarithmic axis, so that step 0 is on it; the labels tell the step itself.
function stepTicks([from, to]) {
  const low = 10 ** from - 1;
  const high = 10 ** to - 1;
  const families = [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]];
  for (const factors of families) {
    const found = low <= 0 ? [0] : [];
    for (let power = 1; power <= high; power *= 10) {
      for (const factor of factors) {
        if (factor * power >= low && factor * power <= high) found.push(factor * power);
      }
    }
    if (found.length >= 4) return found;
  }
  const width = 10 ** Math.floor(Math.log10(Math.max((high - low) / 4, 1)));
  const found = [];
  for (let step = Math.ceil(low / width) * width; step <= high && found.length < 40; step += width) found.push(step);
  return found.length > 12 ? found.filter((_, position) => position % 5 === 0) : found;
}

function stepAxis(range) {
  const ticks = stepTicks(range);
  return { tickmode: "array", tickvals: ticks.map((step) => step + 1), ticktext: ticks.map((step) => step.toLocaleString("en")) };
}

// Ticks of a logarithmic axis, between two values: 1, 2, 5 where there are few decades, else powers of ten.
function valueTicks(from, to, bounded = false) {
  const decades = to - from;
  const factors = decades > 3 ? [1] : decades > 0.9 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const every = Math.max(1, Math.ceil(decades / 8));
  const vals = [];
  for (let power = Math.floor(from); power <= to; power += 1) {
    if (factors.length === 1 && power % every !== 0) continue;
    for (const factor of factors) {
      const place = power + Math.log10(factor);
      if (place >= from && place <= to) vals.push(Number(`${factor}e${power}`));
    }
  }
  if (vals.length < 3 && !bounded) return { tickmode: "auto", nticks: 6, exponentformat: "power" };
  return { tickmode: "array", tickvals: vals, ticktext: vals.map((value) => (decades > 3 ? powerText(Math.log10(value)) : smallText(value))) };
}

function powerText(power) {
  const rounded = Math.round(power);
  return rounded >= 0 && rounded < 4 ? String(10 ** rounded) : `10<sup>${rounded}</sup>`;
}

function smallText(value) {
  if (value >= 1e-3 && value < 1e4) return String(value);
  const power = Math.floor(Math.log10(value) + 1e-9);
  const factor = Number((value / 10 ** power).toPrecision(2));
  return `${factor === 1 ? "" : `${factor}·`}10<sup>${power}</sup>`;
}

function runName(run) {
  const [implementation, dtype] = page.runs[run];
  return `${page.implementations[implementation]} ${page.dtypes[dtype]}`;
}

function shown(value) {
  if (!isNumber(value)) return value;
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return value.toExponential(3).replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

// Where values that have no place on a logarithmic axis are drawn: 0 below all others, NaN and inf above.
function bounds(curves, limit) {
  let low = Infinity;
  let high = -Infinity;
  let zero = false;
  let beyond = false;
  for (const { value } of curves) {
    for (const each of value) {
      if (!isNumber(each)) beyond = true;
      else if (each === 0) zero = true;
      else if (each > 0) {
        low = Math.min(low, each);
        high = Math.max(high, each);
      }
    }
  }
  if (limit) {
    low = Math.min(low, limit);
    high = Math.max(high, limit);
  }
  if (low > high) [low, high] = [0.1, 10];
  const from = Math.log10(low);
  const to = Math.log10(high);
  const gap = Math.max((to - from) * 0.08, 0.3);
  return { zero, beyond, low: zero ? from - 1e-6 : -Infinity, high: beyond ? to + 1e-6 : Infinity, floor: 10 ** (from - gap), ceiling: 10 ** (to + gap), range: [from - gap * (zero ? 1.7 : 0.8), to + gap * (beyond ? 1.7 : 0.8)] };
}

function curveTrace(curve, look, logarithmic, place, names, nested) {
  const [implementation, dtype] = page.runs[curve.run];
  const name = runName(curve.run);
  const colour = look.colours[implementation % look.colours.length];
  const drawn = curve.value.map((each) =>
    !isNumber(each) ? (logarithmic ? place.ceiling : null) : logarithmic && each <= 0 ? place.floor : each,
  );
  const symbol = SYMBOLS[dtype % SYMBOLS.length];
  const few = curve.step.length <= 40;
  return {
    type: "scatter",
    mode: nested && curve.value.every(isNumber) ? "lines" : "lines+markers",
    name: plain(name),
    x: curve.step.map((step) => step + 1),
    y: drawn,
    line: { color: colour, width: nested ? 1.3 + 0.9 * Math.max(page.implementations.length - 1 - implementation, 0) : 1.4, dash: DASHES[dtype % DASHES.length] },
    marker: {
      color: colour,
      line: { width: 0 },
      size: curve.value.map((each) => (!isNumber(each) ? 9 : logarithmic && each === 0 ? 7 : few ? 5 : 3)),
      symbol: curve.value.map((each) => (!isNumber(each) ? "x" : logarithmic && each === 0 ? "triangle-down-open" : symbol)),
    },
    text: curve.value.map((each, position) => {
      const what = curve.entry ? `<br>${plain(names[curve.entry[position]])}` : "";
      return `<b>${plain(shown(each))}</b><br>step ${curve.step[position].toLocaleString("en")}${what}<br>${plain(name)}`;
    }),
    hovertemplate: "%{text}<extra></extra>",
  };
}

function linesFigure(plot, state, names, width, onPaper) {
  const look = theme();
  const curves = plot.views[plot.controls.map((control) => state[control]).join("|")] ?? [];
  const limit = plot.limits[state.measure];
  const label = typeof plot.axis === "string" ? plot.axis : plot.axis[state.measure];
  const logarithmic = typeof plot.axis !== "string" || curves.every(({ value }) => value.every((each) => !isNumber(each) || each > 0));
  const place = bounds(curves, limit);
  const last = Math.max(1, ...curves.map(({ step }) => step[step.length - 1] ?? 0));
  const range = [-0.04 * Math.log10(last + 1) - 0.02, Math.log10(last + 1) * 1.03 + 0.02];
  const layout = {
    ...baseLayout(look, (onPaper ? 270 : width < 560 ? 330 : 400) + (width < 560 ? 22 * Math.ceil(curves.length / (width < 480 ? 1 : 2)) : 20 * Math.ceil(curves.length / 5))),
    margin: { l: 64, r: 16, t: 16, b: 44 },
    xaxis: { ...axis(look, "step (logarithmic in step + 1)"), type: "log", range, ...stepAxis(range) },
    yaxis: { ...axis(look, label), type: logarithmic ? "log" : "linear", exponentformat: "power", ...(logarithmic ? { range: place.range, ...valueTicks(Math.max(place.range[0], place.low), Math.min(place.range[1], place.high), place.zero || place.beyond) } : {}) },
    legend: { orientation: "h", x: 0, xanchor: "left", y: -0.2, yanchor: "top", font: { size: 12, color: look.ink }, itemwidth: 30 },
    shapes: [],
    annotations: [],
  };
  if (limit) {
    layout.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: limit, y1: limit, line: { color: look.limit, width: 1.5, dash: "dash" } });
    layout.annotations.push({ xref: "paper", x: 1, xanchor: "right", y: Math.log10(limit), yanchor: "bottom", text: `${limit} spreads: up to here it is rounding`, showarrow: false, font: { size: 11, color: look.limit } });
  }
  // The words beside the axis need a place between it and its title.
  if (logarithmic && place.beyond) layout.yaxis.title.standoff = 44;
  const mark = (value, text) => layout.annotations.push({ xref: "paper", x: 0, xanchor: "right", xshift: -6, y: Math.log10(value), text, showarrow: false, font: { size: 11, color: look.soft } });
  if (logarithmic && place.zero) mark(place.floor, "0");
  if (logarithmic && place.beyond) mark(place.ceiling, "NaN, inf");
  return { traces: curves.map((curve) => curveTrace(curve, look, logarithmic, place, names, plot.nested)), layout };
}

// Up to the limit a calm scale, above it another one: what is not rounding stands out.
function heatScale(look, from, to, limit) {
  const calm = look.dark ? ["#1f2a33", "#3f7fae"] : ["#eef3f7", "#5b9bc8"];
  const alarm = look.dark ? ["#d9772f", "#ffd9a8"] : ["#f0a35e", "#7a1f00"];
  if (limit === null || limit >= to) return [[0, calm[0]], [1, calm[1]]];
  if (limit <= from) return [[0, alarm[0]], [1, alarm[1]]];
  const split = (limit - from) / (to - from);
  return [[0, calm[0]], [split, calm[1]], [split, alarm[0]], [1, alarm[1]]];
}

function heatFigure(plot, state, names, width) {
  const look = theme();
  const all = plot.views[`${state.quantity}|${state.run}`] ?? [];
  const pictures = state.parameter === undefined || state.parameter === "worst" ? all : all.filter(({ entry }) => String(entry) === state.parameter);
  const bySpreads = state.measure === "spreads";
  const finite = pictures.flatMap((picture) => picture[state.measure].filter((each) => isNumber(each) && each > 0)).map(Math.log10);
  const limit = bySpreads ? Math.log10(page.limit) : null;
  const from = Math.floor(Math.min(bySpreads ? -1 : 0, ...finite.map((each) => Math.max(each, -4))));
  const to = Math.ceil(Math.max(bySpreads ? limit + 0.6 : 1, ...finite));
  const columns = Math.max(1, Math.min(pictures.length, width < 560 ? 1 : 3));
  const rows = Math.max(1, Math.ceil(pictures.length / columns));
  const height = pictures.length === 1 ? 340 : 230;
  const layout = { ...baseLayout(look, rows * height + 90), margin: { l: 48, r: 16, t: 36, b: 70 }, annotations: [], dragmode: false };
  layout.coloraxis = {
    cmin: from,
    cmax: to,
    colorscale: heatScale(look, from, to, limit),
    colorbar: heatBar(look, from, to, limit, width, bySpreads ? "spreads" : "ulps"),
  };
  const gapX = columns > 1 ? 0.24 / columns : 0;
  const gapY = rows > 1 ? 0.3 / rows : 0;
  const traces = pictures.flatMap((picture, position) => {
    const at = position === 0 ? "" : position + 1;
    const column = position % columns;
    const row = Math.floor(position / columns);
    const wide = (1 - gapX * (columns - 1)) / columns;
    const high = (1 - gapY * (rows - 1)) / rows;
    const x = [column * (wide + gapX), column * (wide + gapX) + wide];
    const y = [1 - row * (high + gapY) - high, 1 - row * (high + gapY)];
    layout[`xaxis${at}`] = { ...heatAxis(look, Math.max(...picture.column) + 1, picture.block[1]), domain: x, anchor: `y${at}` };
    layout[`yaxis${at}`] = { ...heatAxis(look, Math.max(...picture.row) + 1, picture.block[0]), domain: y, anchor: `x${at}`, autorange: "reversed" };
    const title = `${plain(names[picture.entry])}, step ${picture.step.toLocaleString("en")}`;
    layout.annotations.push({ text: title, xref: "paper", yref: "paper", x: x[0], xanchor: "left", y: y[1], yanchor: "bottom", yshift: 4, showarrow: false, font: { size: 12, color: look.ink } });
    return heatTraces(picture, state.measure, from, plot.verdicts, names, at, look);
  });
  const blocks = pictures.filter(({ block }) => block[0] * block[1] > 1);
  const remark = blocks.length
    ? `A cell of ${blocks.map(({ entry, block }) => `${names[entry]} stands for a block of ${block[0]} × ${block[1]} entries`).join(", of ")}, and shows the worst of them.`
    : "";
  return { traces, layout, remark };
}

function heatAxis(look, cells, block) {
  const every = Math.max(1, Math.ceil(cells / 8));
  const ticks = Array.from({ length: Math.ceil(cells / every) }, (_, position) => position * every);
  return { tickmode: "array", tickvals: ticks, ticktext: ticks.map((tick) => String(tick * block)), showgrid: false, zeroline: false, ticks: "", linecolor: look.grid, mirror: true, showline: true, fixedrange: cells < 8 };
}

function heatBar(look, from, to, limit, width, unit) {
  const ticks = [];
  const every = Math.max(1, Math.ceil((to - from) / (width < 560 ? 4 : 8)));
  for (let power = from; power <= to; power += every) {
    if (limit === null || Math.abs(power - limit) > 0.3 * every) ticks.push([power, powerText(power)]);
  }
  if (limit !== null) ticks.push([limit, `<b>${page.limit}</b>`]);
  return {
    orientation: "h",
    x: 0,
    xanchor: "left",
    y: 0,
    yref: "container",
    yanchor: "bottom",
    ypad: 4,
    len: width < 560 ? 1 : 0.6,
    thickness: 10,
    outlinewidth: 0,
    title: { text: unit, side: "right", font: { size: 11, color: look.soft } },
    tickmode: "array",
    tickvals: ticks.map(([value]) => value),
    ticktext: ticks.map(([, text]) => text),
    tickfont: { size: 11, color: look.soft },
  };
}

function heatTraces(picture, measure, from, verdicts, names, at, look) {
  const rows = Math.max(...picture.row) + 1;
  const columns = Math.max(...picture.column) + 1;
  const grid = () => Array.from({ length: rows }, () => Array(columns).fill(null));
  const z = grid();
  const text = grid();
  const marks = { x: [], y: [], symbol: [], size: [] };
  picture.index.forEach((index, cell) => {
    const row = picture.row[cell];
    const column = picture.column[cell];
    const value = picture[measure][cell];
    const verdict = verdicts[picture.verdict[cell]];
    const name = index === "()" ? names[picture.entry] : `${names[picture.entry]}[${index}]`;
    if (isNumber(value)) z[row][column] = value > 0 ? Math.log10(value) : from;
    text[row][column] =
      `<b>${plain(name)}</b> ${plain(verdict)}<br>value ${plain(picture.value[cell])}<br>exact ${plain(picture.exact[cell])}` +
      `<br>error ${plain(shown(picture.error[cell]))}<br>spreads ${plain(shown(picture.spreads[cell]))}<br>ulps ${plain(shown(picture.ulps[cell]))}`;
    const passes = ["EQUAL", "AGREES", "KINK", "ILL_CONDITIONED", "INACCURATE"].includes(verdict);
    if (!isNumber(value) || !passes) {
      marks.x.push(column);
      marks.y.push(row);
      marks.symbol.push(isNumber(value) ? "circle" : "x");
      marks.size.push(isNumber(value) ? 5 : 11);
    }
  });
  const common = { xaxis: `x${at}`, yaxis: `y${at}` };
  const gap = rows * columns <= 600 ? 1 : 0;
  const heat = { type: "heatmap", z, text, hovertemplate: "%{text}<extra></extra>", coloraxis: "coloraxis", xgap: gap, ygap: gap, hoverongaps: true, ...common };
  if (!marks.x.length) return [heat];
  const marker = { symbol: marks.symbol, size: marks.size, color: look.ink, line: { color: look.paper, width: 1 } };
  return [heat, { type: "scatter", mode: "markers", x: marks.x, y: marks.y, marker, hoverinfo: "skip", showlegend: false, ...common }];
}

function barsFigure(costs, state, width) {
  const look = theme();
  const names = costs.names.map(plain);
  const layout = {
    ...baseLayout(look, 90 + 34 * names.length),
    dragmode: false,
    barmode: "stack",
    bargap: 0.35,
    margin: { l: 8, r: 24, t: 8, b: 44 },
    yaxis: { ...axis(look, ""), autorange: "reversed", showgrid: false, type: "category", tickfont: { color: look.ink }, fixedrange: true },
    xaxis: { ...axis(look, ""), fixedrange: true, rangemode: "tozero" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: look.ink }, traceorder: "normal" },
  };
  if (state.show === "step") {
    layout.xaxis.title.text = "µs a step, median of the runs (logarithmic)";
    layout.xaxis.type = "log";
    layout.xaxis.exponentformat = "none";
    layout.xaxis.nticks = width < 560 ? 4 : 8;
    return { traces: [{ type: "bar", orientation: "h", y: names, x: costs.step, marker: { color: look.colours[0] }, text: costs.step.map((each) => `${shown(each)} µs`), hovertemplate: "%{y}: %{text}<extra></extra>", textposition: "auto" }], layout };
  }
  layout.xaxis.title.text = "seconds of all runs";
  layout.margin.t = 30;
  const colours = { compiling: look.colours[4], training: look.colours[0], judging: look.dark ? "#5c646b" : "#c3c9ce" };
  return {
    traces: Object.entries(costs.parts).map(([part, seconds]) => ({ type: "bar", orientation: "h", name: part, y: names, x: seconds, marker: { color: colours[part] }, hovertemplate: `%{y}<br>${part} %{x:.3g} s<extra></extra>` })),
    layout,
  };
}
