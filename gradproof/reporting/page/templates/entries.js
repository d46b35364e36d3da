// Every entry of a parameter as a cell. Its verdict gives its look and sign, its error how strong it is.

const SIGNS = { KINK: "∧", ILL_CONDITIONED: "~", INACCURATE: "≈", UNDECIDED: "?", DISAGREES: "•", WRONG: "•", NOT_FINITE: "×" };
const lookOf = (verdict) => `look-${verdict.toLowerCase().replaceAll("_", "-")}`;

function drawEntries(figure, plot, state, names, width) {
  const place = figure.querySelector(".plot");
  place.replaceChildren();
  const all = plot.views[`${state.quantity}|${state.run}`] ?? [];
  const pictures = ["worst", undefined].includes(state.parameter) ? all : all.filter(({ entry }) => String(entry) === state.parameter);
  const sizes = pictures.flatMap((picture) => picture[state.measure].filter((each) => isNumber(each) && each > 0)).map(Math.log10);
  const limit = state.measure === "spreads" ? Math.log10(page.limit) : 0;
  const range = [Math.min(-1, ...sizes.map((each) => Math.max(each, -4))), Math.max(limit + 0.6, ...sizes)];
  const columns = Math.max(1, Math.min(pictures.length, width < 560 ? 1 : 3));
  const gap = 24;
  const wide = (width - gap * (columns - 1)) / columns;
  place.classList.add("pictures");
  for (const picture of pictures) {
    const box = html("div", "picture", place);
    box.style.width = `${Math.floor(wide)}px`;
    html("p", "picture-name", box, `${names[picture.entry]}, step ${picture.step.toLocaleString("en")}`);
    if (picture.index.length === 1) writeNumbers(box, picture, plot.verdicts);
    else paintPicture(box, picture, state.measure, plot.verdicts, names, range, Math.floor(wide), pictures.length === 1 ? 320 : 210);
  }
  const painted = pictures.filter(({ index }) => index.length > 1);
  if (painted.length) paintLooks(figure, painted, plot.verdicts, state.measure, range);
  else figure.querySelector(".looks").replaceChildren();
  const blocks = pictures.filter(({ block }) => block[0] * block[1] > 1);
  figure.querySelector(".remark").textContent = blocks.length
    ? `A cell of ${blocks.map(({ entry, block }) => `${names[entry]} stands for a block of ${block[0]} × ${block[1]} entries`).join(", of ")}, and shows the worst of them.`
    : "";
}

// From a tenth to all of the look's colour.
function strength(value, [from, to]) {
  if (!isNumber(value)) return 100;
  const share = value > 0 ? (Math.log10(value) - from) / (to - from) : 0;
  return Math.round(10 + 90 * Math.min(1, Math.max(0, share)));
}

// A single number is written: a picture of one cell shows nothing.
function writeNumbers(box, picture, verdicts) {
  const list = html("dl", "single", box);
  const facts = { verdict: verdicts[picture.verdict[0]], value: picture.value[0], exact: picture.exact[0], error: shown(picture.error[0]), spreads: shown(picture.spreads[0]), ulps: shown(picture.ulps[0]) };
  for (const [name, text] of Object.entries(facts)) {
    const line = html("div", "", list);
    html("dt", "", line, name);
    html("dd", "", line, String(text));
  }
}

function paintPicture(box, picture, measure, verdicts, names, range, width, height) {
  const rows = Math.max(...picture.row) + 1;
  const columns = Math.max(...picture.column) + 1;
  const [left, bottom] = [40, 20];
  const side = Math.min((width - left - 2) / columns, (height - bottom - 2) / rows);
  // Cells are square where that does not make them too small to be seen.
  const tallest = Math.min(side, 34);
  const [cellX, cellY] = side >= 6 ? [Math.min(tallest * 3, (width - left - 2) / columns), tallest] : [(width - left - 2) / columns, (height - bottom - 2) / rows];
  const tall = rows * cellY + bottom + 2;
  const root = canvas(box.appendChild(document.createElement("div")), width, Math.ceil(tall), `${names[picture.entry]}, an entry a cell`);
  const gap = cellX > 5 && cellY > 5 ? 1 : 0;
  picture.index.forEach((_, cell) => {
    const [x, y] = [left + picture.column[cell] * cellX, 1 + picture.row[cell] * cellY];
    const verdict = verdicts[picture.verdict[cell]];
    const attributes = { class: `cell ${lookOf(verdict)}`, x: x.toFixed(2), y: y.toFixed(2), width: (cellX - gap).toFixed(2), height: (cellY - gap).toFixed(2), "data-cell": cell };
    svg("rect", attributes, root).style.setProperty("--strength", `${strength(picture[measure][cell], range)}%`);
    if (SIGNS[verdict] && cellX >= 9 && cellY >= 9) svg("text", { class: "sign", x: x + (cellX - gap) / 2, y: y + (cellY - gap) / 2 + 5, "text-anchor": "middle" }, root, SIGNS[verdict]);
  });
  paintIndices(root, picture.block, { rows, columns, cellX, cellY, left });
  root.addEventListener("pointermove", (event) => {
    const cell = event.target.dataset.cell;
    if (cell === undefined) return silence();
    tell(entryLines(picture, Number(cell), verdicts, names), event.clientX, event.clientY);
  });
  root.addEventListener("pointerleave", silence);
}

function paintIndices(root, block, { rows, columns, cellX, cellY, left }) {
  const every = (cells, size) => Math.max(1, Math.ceil(cells / 8), Math.ceil(16 / size));
  for (let row = 0; row < rows; row += every(rows, cellY)) {
    svg("text", { class: "tick", x: left - 6, y: 1 + (row + 0.5) * cellY + 4, "text-anchor": "end" }, root, String(row * block[0]));
  }
  for (let column = 0; column < columns; column += every(columns, cellX / 2)) {
    svg("text", { class: "tick", x: left + (column + 0.5) * cellX, y: rows * cellY + 16, "text-anchor": "middle" }, root, String(column * block[1]));
  }
}

function entryLines(picture, cell, verdicts, names) {
  const index = picture.index[cell];
  const name = index === "()" ? names[picture.entry] : `${names[picture.entry]}[${index}]`;
  return [
    `${name} ${verdicts[picture.verdict[cell]]}`,
    `value ${picture.value[cell]}`,
    `exact ${picture.exact[cell]}`,
    `error ${shown(picture.error[cell])}`,
    `spreads ${shown(picture.spreads[cell])}`,
    `ulps ${shown(picture.ulps[cell])}`,
  ];
}

// The looks that are there, and what their strength tells.
function paintLooks(figure, pictures, verdicts, measure, [from, to]) {
  const place = figure.querySelector(".looks");
  place.replaceChildren();
  const there = [...new Set(pictures.flatMap(({ verdict }) => verdict))].sort((one, other) => one - other);
  for (const position of there) {
    const verdict = verdicts[position];
    const look = html("span", "look", place);
    html("i", lookOf(verdict), look, SIGNS[verdict] ?? "");
    look.append(verdict);
  }
  const scale = html("span", "look", place, `${powerText(Math.round(from))} `);
  html("i", `scale ${lookOf(verdicts[there.length ? there[there.length - 1] : 1])}`, scale);
  scale.append(` ${powerText(Math.round(to))} ${measure}`);
}
