{
  const at = (id) => document.getElementById(id);
  const filter = at("filter"), alone = at("alone"), told = at("told");
  const rows = [...at("packs").tBodies[0].rows].map((row) => {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", "Choose " + row.cells[0].firstChild.textContent);
    const one = { row, box, text: row.textContent.toLowerCase() };
    row.cells[0].prepend(box);
    return one;
  });
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    const chosen = rows.filter((one) => one.box.checked);
    alone.disabled = chosen.length < 2;
    if (alone.disabled) alone.setAttribute("aria-pressed", "false");
    const only = alone.getAttribute("aria-pressed") === "true";
    let count = 0;
    for (const { row, box, text } of rows) {
      row.hidden = only ? !box.checked : !words.every((word) => text.includes(word));
      if (!row.hidden) count += 1;
    }
    const ask = "evidence compare " + chosen.map((one) => one.row.dataset.path).join(" ");
    told.textContent = `${count} of ${rows.length} shown` + (only ? `; what differs: ${ask}` : "");
  };
  filter.addEventListener("input", show);
  alone.addEventListener("click", () => {
    alone.setAttribute("aria-pressed", String(alone.getAttribute("aria-pressed") !== "true"));
    show();
  });
  for (const { box } of rows) box.addEventListener("change", show);
  at("choose").hidden = false;
  show();
}
