"use strict";
for (const table of document.querySelectorAll("main table")) {
  const body = table.tBodies[0], first = [...body.rows];
  if (first.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    if (cell.tagName !== "TH") return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const was = cell.getAttribute("aria-sort");
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      const now = was === "ascending" ? "descending" : was === "descending" ? "" : "ascending";
      if (now) cell.setAttribute("aria-sort", now);
      const text = (row) => row.cells[column].textContent.trim();
      const number = (shown) => {
        const found = /^[-\u2212+]?[0-9][0-9,]*(\.[0-9]+)?(e[-+]?[0-9]+)?/.exec(shown);
        return found ? Number(found[0].replaceAll(",", "").replace("\u2212", "-")) : NaN;
      };
      const compare = (one, other) => {
        const a = text(one), b = text(other), x = number(a), y = number(b);
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
        return x - y || a.localeCompare(b, "en", { numeric: true });
      };
      const rows = now ? [...first].sort(compare) : first;
      body.append(...(now === "descending" ? rows.reverse() : rows));
    });
  });
}
