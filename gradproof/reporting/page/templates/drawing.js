// Drawing: what all pictures share. A picture is SVG; its colours are the styles', so that light and dark need no drawing.
"use strict";

const page = JSON.parse(document.getElementById("data-page").textContent);
const isNumber = (value) => typeof value === "number";

// An SVG element. Texts are set as text, so that no name can be markup.
function svg(name, attributes = {}, parent = null, text = null) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

function html(name, className, parent, text = null) {
  const element = document.createElement(name);
  element.className = className;
  if (text !== null) element.textContent = text;
  parent.append(element);
  return element;
}

function canvas(place, width, height, label) {
  place.replaceChildren();
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, place);
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

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
function powerText(power) {
  const rounded = Math.round(power);
  return rounded >= 0 && rounded < 4 ? String(10 ** rounded) : `10${[...String(rounded)].map((sign) => RAISED[sign]).join("")}`;
}

function smallText(value) {
  if (value >= 1e-3 && value < 1e4) return String(value);
  const power = Math.floor(Math.log10(value) + 1e-9);
  const factor = Number((value / 10 ** power).toPrecision(2));
  return `${factor === 1 ? "" : `${factor}·`}${powerText(power)}`;
}

// Steps stand at step + 1 on a logarithmic axis, so that step 0 is on it; the labels tell the step itself.
function stepTicks([from, to]) {
  const low = 10 ** from - 1;
  const high = 10 ** to - 1;
  for (const factors of [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const found = low <= 0 ? [0] : [];
    for (let power = 1; power <= high; power *= 10) {
      for (const factor of factors) {
        if (factor * power >= low && factor * power <= high) found.push(factor * power);
      }
    }
    if (found.length >= 4) return found.map(stepTick);
  }
  return evenly(low, high, 4).map(stepTick);
}

function stepTick(step) {
  return [Math.log10(step + 1), step.toLocaleString("en")];
}

// Places on an even axis: whole multiples of 1, 2 or 5 times a power of ten.
function evenly(low, high, wanted) {
  const rough = Math.max((high - low) / wanted, Number.MIN_VALUE);
  const power = 10 ** Math.floor(Math.log10(rough));
  const width = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const found = [];
  for (let place = Math.ceil(low / width) * width; place <= high && found.length < 40; place += width) found.push(Number(place.toPrecision(12)));
  return found;
}

// Ticks of a logarithmic axis, between two powers: 1, 2, 5 where there are few decades, else powers of ten.
function valueTicks([from, to]) {
  const decades = to - from;
  const factors = decades > 3 ? [1] : decades > 0.9 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const every = Math.max(1, Math.ceil(decades / 8));
  const found = [];
  for (let power = Math.floor(from); power <= to; power += 1) {
    if (factors.length === 1 && power % every !== 0) continue;
    for (const factor of factors) {
      const place = power + Math.log10(factor);
      if (place >= from && place <= to) found.push([place, decades > 3 ? powerText(power) : smallText(Number(`${factor}e${power}`))]);
    }
  }
  if (found.length >= 2) return found;
  return evenly(from, to, 4).map((place) => [place, shown(10 ** place)]);
}

// The box that tells of what is under the pointer: lines of text, the first one strong.
const tip = html("div", "tip", document.body);
tip.hidden = true;
function tell(lines, x, y) {
  tip.replaceChildren();
  lines.forEach((line, position) => html(position ? "div" : "b", "", tip, line));
  tip.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = tip;
  tip.style.left = `${Math.max(4, Math.min(x + 14, document.documentElement.clientWidth - width - 4))}px`;
  tip.style.top = `${y - height - 12 > 4 ? y - height - 12 : y + 16}px`;
}
function silence() {
  tip.hidden = true;
}
