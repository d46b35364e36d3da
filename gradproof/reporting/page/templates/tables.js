// Tables that sort and filter. Runs in the module of DataTables, which is the constant `DataTable`.
const tables = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        tables.unobserve(target);
        enhance(target);
      }
    }
  },
  { rootMargin: "400px" },
);

function enhance(table) {
  const many = table.tBodies[0].rows.length > 8;
  const caption = table.caption ? table.caption.textContent : "";
  new DataTable(table, {
    paging: false,
    autoWidth: false,
    order: [],
    info: many,
    layout: {
      topStart: many ? { search: { text: "_INPUT_", placeholder: "filter the rows" } } : null,
      topEnd: many ? "info" : null,
      bottomStart: null,
      bottomEnd: null,
    },
    language: { info: "_TOTAL_ rows", infoEmpty: "no rows", infoFiltered: "of _MAX_", zeroRecords: "no such row" },
  });
  const container = table.closest(".dt-container");
  container.querySelector("input[type=search]")?.setAttribute("aria-label", `filter: ${caption}`);
  const region = table.closest(".scroll");
  region.classList.replace("scroll", "enhanced");
  region.removeAttribute("tabindex");
  table.closest(".dt-layout-cell").tabIndex = 0;
}

for (const table of document.querySelectorAll("table.data")) tables.observe(table);
