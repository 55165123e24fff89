"use strict";
(() => {
  const table = document.querySelector(".points");
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const find = document.getElementById("find"), shown = document.getElementById("shown"), front = document.getElementById("only-front");
  const selects = [...document.querySelectorAll("select[data-choice]")];
  const order = new Intl.Collator("en", { numeric: true });
  const text = (row, at) => row.cells[at].textContent.trim();
  const number = (row, at) => { const said = row.cells[at].dataset.v; return said ? Number(said) : null; };

  const compare = (at, kind, sign) => (a, b) => {
    if (kind === "text" || kind === "auto") return sign * order.compare(text(a, at), text(b, at));
    const x = number(a, at), y = number(b, at);
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (x - y);
  };
  const sort = (head) => {
    const at = head.cellIndex, kind = head.dataset.sort, before = head.getAttribute("aria-sort");
    const first = kind === "max" ? "descending" : "ascending", other = first === "ascending" ? "descending" : "ascending";
    const next = before === first ? other : first;
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", next);
    rows.sort(compare(at, kind, next === "ascending" ? 1 : -1));
    body.append(...rows);
  };
  heads.filter((head) => head.dataset.sort).forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head));
  });

  const column = new Map(heads.map((head, at) => [head.textContent.trim(), at]));
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row) => {
      const said = row.textContent.toLowerCase();
      const fits = words.every((word) => said.includes(word))
        && selects.every((one) => !one.value || text(row, column.get(one.dataset.key)) === one.value);
      row.hidden = !fits;
      count += fits && !(front && front.checked && !row.classList.contains("front"));
    });
    shown.textContent = count === rows.length ? "" : `${count} of ${rows.length} shown`;
  };
  [find, front, ...selects].filter(Boolean).forEach((one) => one.addEventListener("input", filter));
  document.querySelectorAll("[data-script]").forEach((one) => { one.hidden = false; });
  addEventListener("hashchange", () => {
    const row = document.getElementById(location.hash.slice(1));
    if (!row || !rows.includes(row) || (!row.hidden && !(front && front.checked))) return;
    find.value = "";
    selects.forEach((one) => { one.value = ""; });
    if (front) front.checked = false;
    filter();
    row.scrollIntoView();
  });
})();
