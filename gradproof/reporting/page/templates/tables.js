// Tables: a click on a title sorts; above long ones stands a filter.

const MANY = 8;

function enhance(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = html("button", "sorter", head, head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const downwards = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", downwards ? "descending" : "ascending");
      rows.sort((one, other) => (downwards ? -1 : 1) * inOrder(one.cells[column], other.cells[column]));
      body.append(...rows);
    });
  });
  if (rows.length > MANY) addFilter(table, rows);
}

function inOrder(one, other) {
  const [first, second] = [one, other].map((cell) => cell.dataset.order ?? cell.textContent);
  const [low, high] = [first, second].map((text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text)));
  if (Number.isNaN(low) || Number.isNaN(high)) return first.localeCompare(second, "en", { numeric: true });
  return low === high ? 0 : low - high;
}

function addFilter(table, rows) {
  const bar = document.createElement("div");
  bar.className = "filter";
  const input = html("input", "", bar);
  input.type = "search";
  input.placeholder = "filter the rows";
  input.setAttribute("aria-label", `filter: ${table.caption.textContent}`);
  const told = html("span", "told", bar, `${rows.length} rows`);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let left = 0;
    for (const row of rows) {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      left += !row.hidden;
    }
    told.textContent = left === 0 ? "no such row" : left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
  });
  table.closest(".scroll").before(bar);
}

for (const table of document.querySelectorAll("table.data")) enhance(table);
