// Sorting inside each group of rows, so that what knows nothing never mixes with what was built to know; and one
// scenario at a time. Without this script every table is there, in its usual order.
"use strict";
for (const table of document.querySelectorAll("table.board")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      const down = was ? was !== "descending" : head.dataset.first !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter((row) => !row.classList.contains("band"));
        const value = (row) => row.cells[place].dataset.value;
        rows.sort((one, other) => {
          const [a, b] = [value(one), value(other)];
          if (a === "" || b === "") return (a === "") - (b === "");
          const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
          return down ? -order : order;
        });
        body.append(...rows);
      }
    });
  });
}
const picker = document.querySelector(".picker");
if (picker) {
  const panels = [...document.querySelectorAll(".panel")];
  const show = () => panels.forEach((panel) => { panel.hidden = panel.dataset.key !== picker.querySelector("select").value; });
  picker.hidden = false;
  picker.addEventListener("change", show);
  show();
}
