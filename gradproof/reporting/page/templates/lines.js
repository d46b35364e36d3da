// Curves along the steps: drawn, pointed at, zoomed, and hidden one by one.

const DASHES = ["", "2 3", "7 4", "7 3 2 3"];
const MARGIN = { left: 64, right: 14, top: 10, bottom: 40 };

// Where values that have no place on a logarithmic axis are drawn: 0 below all others, NaN and inf above.
function bounds(curves, limit) {
  let low = limit ?? Infinity;
  let high = limit ?? -Infinity;
  let zero = false;
  let beyond = false;
  for (const each of curves.flatMap(({ value }) => value)) {
    if (!isNumber(each)) beyond = true;
    else if (each === 0) zero = true;
    else if (each > 0) {
      low = Math.min(low, each);
      high = Math.max(high, each);
    }
  }
  if (low > high) [low, high] = [0.1, 10];
  const from = Math.log10(low);
  const to = Math.log10(high);
  const gap = Math.max((to - from) * 0.08, 0.3);
  return { zero, beyond, from, to, floor: from - gap, ceiling: to + gap, range: [from - gap * (zero ? 1.7 : 0.8), to + gap * (beyond ? 1.7 : 0.8)] };
}

function evenRange(curves) {
  const numbers = curves.flatMap(({ value }) => value.filter(isNumber));
  const [low, high] = numbers.length ? [Math.min(...numbers), Math.max(...numbers)] : [0, 1];
  const gap = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - gap, high + gap];
}

// What is to be drawn of a plot in a state of its controls, in the units of its axes.
function linesModel(plot, state, names) {
  const curves = plot.views[plot.controls.map((control) => state[control]).join("|")] ?? [];
  const limit = plot.limits[state.measure];
  const logarithmic = typeof plot.axis !== "string" || curves.every(({ value }) => value.every((each) => !isNumber(each) || each > 0));
  const place = bounds(curves, limit);
  const last = Math.log10(Math.max(1, ...curves.map(({ step }) => step[step.length - 1] ?? 0)) + 1);
  const height = (each) => (!logarithmic ? (isNumber(each) ? each : null) : !isNumber(each) ? place.ceiling : each > 0 ? Math.log10(each) : place.floor);
  return {
    curves: curves.map((curve) => ({ ...curve, x: curve.step.map((step) => Math.log10(step + 1)), y: curve.value.map(height), fails: page.failing.includes(curve.run) })),
    limit: limit === undefined ? null : Math.log10(limit),
    limitText: `${limit} spreads: up to here it is rounding`,
    label: typeof plot.axis === "string" ? plot.axis : plot.axis[state.measure],
    nested: plot.nested,
    logarithmic,
    place,
    names,
    x: [-0.04 * last - 0.02, last * 1.03 + 0.02],
    y: logarithmic ? place.range : evenRange(curves),
  };
}

function drawLines(figure, plot, state, names, width) {
  const kept = figure.lines ?? { hidden: new Set() };
  const model = linesModel(plot, state, names);
  figure.lines = { hidden: kept.hidden, model, width, view: { x: model.x, y: model.y } };
  paintLines(figure);
  paintLegend(figure);
}

function paintLines(figure) {
  const { model, view, width, hidden } = figure.lines;
  const height = width < 560 ? 300 : 360;
  const place = figure.querySelector(".plot");
  const root = canvas(place, width, height, place.dataset.label);
  const inner = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const toX = (x) => inner.left + ((x - view.x[0]) / (view.x[1] - view.x[0])) * (inner.right - inner.left);
  const toY = (y) => inner.bottom - ((y - view.y[0]) / (view.y[1] - view.y[0])) * (inner.bottom - inner.top);
  Object.assign(figure.lines, { inner, toX, toY });
  paintAxes(root, model, view, inner, toX, toY, width);
  const name = `clip-${figure.dataset.section}-${figure.dataset.plot}`;
  svg("rect", { x: inner.left, y: inner.top, width: inner.right - inner.left, height: inner.bottom - inner.top }, svg("clipPath", { id: name }, svg("defs", {}, root)));
  const layer = svg("g", { "clip-path": `url(#${name})` }, root);
  if (model.limit !== null) {
    const y = toY(model.limit);
    svg("line", { class: "limit", x1: inner.left, x2: inner.right, y1: y, y2: y }, layer);
    svg("text", { class: "limit-text", x: inner.right - 2, y: y - 5, "text-anchor": "end" }, layer, model.limitText);
  }
  // What fails is drawn last, over all others.
  const order = model.curves.filter(({ run }) => !hidden.has(run)).sort((one, other) => one.fails - other.fails);
  for (const curve of order) paintCurve(layer, curve, model, toX, toY);
  svg("circle", { class: "pointed", r: 5, cx: -20, cy: -20 }, root);
  svg("rect", { class: "zoom", width: 0, height: 0 }, root);
}

function paintAxes(root, model, view, inner, toX, toY, width) {
  const specials = !model.logarithmic ? [] : [...(model.place.zero ? [[model.place.floor, "0"]] : []), ...(model.place.beyond ? [[model.place.ceiling, "NaN, inf"]] : [])];
  const within = ([y]) => y >= view.y[0] && y <= view.y[1];
  const spare = ([y]) => (!model.place.zero || y >= model.place.from - 1e-6) && (!model.place.beyond || y <= model.place.to + 1e-6);
  const even = () => evenly(view.y[0], view.y[1], 5).map((y) => [y, shown(y)]);
  const ticks = model.logarithmic ? valueTicks(view.y).filter(spare) : even();
  for (const [y, text] of [...ticks, ...specials.filter(within)]) {
    svg("line", { class: "grid", x1: inner.left, x2: inner.right, y1: toY(y), y2: toY(y) }, root);
    svg("text", { class: "tick y", x: inner.left - 8, y: toY(y) + 4, "text-anchor": "end" }, root, text);
  }
  let free = -Infinity;
  for (const [x, text] of stepTicks(view.x).filter(([x]) => x >= view.x[0] && x <= view.x[1])) {
    svg("line", { class: "grid", x1: toX(x), x2: toX(x), y1: inner.top, y2: inner.bottom }, root);
    if (toX(x) - 4 * text.length < free) continue; // it would stand on its neighbour
    svg("text", { class: "tick x", x: toX(x), y: inner.bottom + 17, "text-anchor": "middle" }, root, text);
    free = toX(x) + 4 * text.length + 8;
  }
  svg("text", { class: "title x", x: inner.right, y: inner.bottom + 34, "text-anchor": "end" }, root, "step");
  const middle = (inner.top + inner.bottom) / 2;
  svg("text", { class: "title y", x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, root, model.label);
}

function colourOf(run) {
  return `c${page.runs[run][0] % 7}`;
}

function paintCurve(layer, curve, model, toX, toY) {
  const [implementation, dtype] = page.runs[curve.run];
  const group = svg("g", { class: `curve ${colourOf(curve.run)}${curve.fails ? " fails" : ""}`, "data-run": curve.run }, layer);
  const width = model.nested ? 1.3 + 0.9 * Math.max(page.implementations.length - 1 - implementation, 0) : curve.fails ? 2.4 : 1.3;
  let path = "";
  curve.y.forEach((y, position) => {
    if (y !== null) path += `${path && curve.y[position - 1] !== null ? "L" : "M"}${toX(curve.x[position]).toFixed(1)} ${toY(y).toFixed(1)}`;
  });
  svg("path", { d: path, "stroke-width": width, "stroke-dasharray": DASHES[dtype % DASHES.length] }, group);
  const few = curve.step.length <= 40 && !model.nested;
  curve.value.forEach((value, position) => {
    if (curve.y[position] === null) return;
    const [x, y] = [toX(curve.x[position]), toY(curve.y[position])];
    if (!isNumber(value)) svg("path", { class: "mark nan", d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8` }, group);
    else if (model.logarithmic && value === 0) svg("path", { class: "mark zero", d: `M${x - 4} ${y - 3}h8l-4 7z` }, group);
    else if (few) svg("circle", { class: "mark", cx: x, cy: y, r: 2.5 }, group);
  });
}

// A click hides a curve, a double click all others.
function paintLegend(figure) {
  const { model, hidden } = figure.lines;
  const place = figure.querySelector(".curves");
  place.replaceChildren();
  const runs = [...model.curves].sort((one, other) => other.fails - one.fails).map(({ run }) => run);
  for (const run of runs) {
    const button = html("button", `curve-name ${colourOf(run)}`, place);
    button.type = "button";
    button.dataset.run = run;
    button.setAttribute("aria-pressed", String(!hidden.has(run)));
    const swatch = svg("svg", { viewBox: "0 0 26 8", width: 26, height: 8, "aria-hidden": "true" }, button);
    svg("path", { d: "M1 4h24", "stroke-width": 2, "stroke-dasharray": DASHES[page.runs[run][1] % DASHES.length] }, swatch);
    const same = model.curves.find((curve) => curve.run === run).same ?? [];
    button.append([run, ...same].map(runName).join(", "));
    if (page.failing.includes(run)) html("b", "off", button, "does not pass");
    button.addEventListener("click", (event) => {
      // The clicks that a double click is made of undo each other.
      if (event.detail >= 2) others(hidden, run, runs);
      else if (!hidden.delete(run)) hidden.add(run);
      paintLines(figure);
      for (const each of place.children) each.setAttribute("aria-pressed", String(!hidden.has(Number(each.dataset.run))));
    });
  }
}

function others(hidden, run, runs) {
  const alone = runs.every((each) => each === run || hidden.has(each));
  hidden.clear();
  if (!alone) for (const each of runs) if (each !== run) hidden.add(each);
}

// The point that is nearest to the pointer, if one is near.
function nearest(lines, x, y) {
  let found = null;
  let least = 26 ** 2;
  for (const curve of lines.model.curves) {
    if (lines.hidden.has(curve.run)) continue;
    curve.y.forEach((height, position) => {
      if (height === null) return;
      const distance = (lines.toX(curve.x[position]) - x) ** 2 + (lines.toY(height) - y) ** 2;
      if (distance < least) [least, found] = [distance, { curve, position, x: lines.toX(curve.x[position]), y: lines.toY(height) }];
    });
  }
  return found;
}

function followPointer(figure) {
  const place = figure.querySelector(".plot");
  let start = null;
  const at = (event) => {
    const box = place.firstElementChild.getBoundingClientRect();
    const scale = figure.lines.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  place.addEventListener("pointermove", (event) => {
    if (!figure.lines) return;
    const [x, y] = at(event);
    if (start) return stretch(place, start, [x, y]);
    const found = nearest(figure.lines, x, y);
    const ring = place.querySelector(".pointed");
    ring.setAttribute("cx", found ? found.x : -20);
    ring.setAttribute("cy", found ? found.y : -20);
    if (!found) return silence();
    const { curve, position } = found;
    const named = curve.entry ? [figure.lines.model.names[curve.entry[position]]] : [];
    const same = (curve.same ?? []).length;
    const whose = runName(curve.run) + (same ? ` and ${same} more` : "");
    tell([shown(curve.value[position]), `step ${curve.step[position].toLocaleString("en")}`, ...named, whose], event.clientX, event.clientY);
  });
  place.addEventListener("pointerleave", silence);
  // A finger that drags over a plot scrolls the page; a mouse zooms.
  place.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button) return;
    start = at(event);
    place.setPointerCapture(event.pointerId);
    silence();
  });
  place.addEventListener("pointerup", (event) => {
    if (!start) return;
    const [from, to] = [start, at(event)];
    start = null;
    if (Math.abs(from[0] - to[0]) > 8 && Math.abs(from[1] - to[1]) > 8) zoom(figure, from, to);
    else stretch(place, [0, 0], [0, 0]);
  });
  place.addEventListener("dblclick", () => {
    figure.lines.view = { x: figure.lines.model.x, y: figure.lines.model.y };
    paintLines(figure);
  });
}

function stretch(place, [x, y], [toX, toY]) {
  const box = { x: Math.min(x, toX), y: Math.min(y, toY), width: Math.abs(x - toX), height: Math.abs(y - toY) };
  for (const [key, value] of Object.entries(box)) place.querySelector(".zoom").setAttribute(key, value);
}

function zoom(figure, from, to) {
  const { inner, view } = figure.lines;
  const part = (value, low, high) => Math.min(1, Math.max(0, (value - low) / (high - low)));
  const within = ([low, high], one, other) => [one, other].sort((a, b) => a - b).map((share) => low + share * (high - low));
  figure.lines.view = {
    x: within(view.x, part(from[0], inner.left, inner.right), part(to[0], inner.left, inner.right)),
    y: within(view.y, part(from[1], inner.bottom, inner.top), part(to[1], inner.bottom, inner.top)),
  };
  paintLines(figure);
}
