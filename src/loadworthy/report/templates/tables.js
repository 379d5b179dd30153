/* Tables that sort by a click on a heading, and lists that a word filters. */
"use strict";
(() => {
  const value = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value || NaN);
  };

  /* What is not known goes last, in either direction. */
  function compared(one, other, up) {
    if (typeof one === "string" || typeof other === "string") return String(one).localeCompare(String(other)) * up;
    if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) - Number.isNaN(other);
    return (one - other) * up;
  }

  function sortable(table) {
    const headings = [...table.querySelectorAll("th[aria-sort]")];
    headings.forEach((heading) => heading.querySelector("button").addEventListener("click", () => {
      const place = Number(heading.dataset.place);
      const first = heading.dataset.first || "descending";
      const other = first === "descending" ? "ascending" : "descending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      headings.forEach((one) => one.setAttribute("aria-sort", one === heading ? order : "none"));
      const up = order === "ascending" ? 1 : -1;
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row, at) => [row, value(row, place), at]);
      rows.sort((a, b) => compared(a[1], b[1], up) || a[2] - b[2]);
      body.append(...rows.map(([row]) => row));
    }));
  }

  function filtered(input) {
    const table = document.getElementById(input.dataset.table);
    const told = document.getElementById(input.dataset.status);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = [...table.tBodies[0].rows];
      rows.forEach((row) => {
        const text = row.cells[0].textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      });
      const left = rows.filter((row) => !row.hidden).length;
      told.textContent = words.length ? `${left} of ${rows.length}` : "";
    });
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("input[data-table]").forEach(filtered);
})();
