// What the page can do beyond being read: sort, filter and copy tables, show names side by side, draw its charts.
// The page reads without it.

// Tables

const main = cell => [...cell.childNodes].filter(node => node.nodeName !== "SMALL").map(node => node.textContent).join("");
const detail = cell => cell.querySelector("small")?.textContent ?? "";

function parsed(text) {
  const found = text.replaceAll(",", "").replaceAll("−", "-").match(/^[<\s]*([+-]?\d+(?:\.\d+)?)\s*([kM]?)/);
  return found ? Number(found[1]) * ({ k: 1e3, M: 1e6 }[found[2]] ?? 1) : NaN;
}

function compareCells(a, b, numeric) {
  const [x, y] = [main(a), main(b)];
  if (!numeric) return x.localeCompare(y, undefined, { numeric: true });
  const [m, n] = [parsed(x), parsed(y)];
  return isNaN(m) || isNaN(n) ? null : m - n;
}

function sortBy(table, column) {
  const header = table.tHead.rows[0].cells[column], body = table.tBodies[0], rows = [...body.rows];
  const known = rows.map(row => main(row.cells[column])).filter(text => text && text !== "–");
  const numeric = known.length > 0 && known.every(text => !isNaN(parsed(text)));
  const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const blank = row => numeric ? isNaN(parsed(main(row.cells[column]))) : ["", "–"].includes(main(row.cells[column]));
  rows.sort((a, b) => blank(a) - blank(b) || sign * (compareCells(a.cells[column], b.cells[column], numeric) ?? 0));
  body.append(...rows);
}

function asCsv(table) {
  const rows = [...table.tBodies[0].rows].filter(row => !row.hidden);
  const headers = [...table.tHead.rows[0].cells].map(cell => cell.textContent.trim());
  const detailed = headers.map((_, column) => rows.some(row => detail(row.cells[column])));
  const plain = text => /^[−+]?[\d.,]+$/.test(text) ? text.replaceAll(",", "").replace("−", "-") : text;
  const safe = text => /^[=+@\t\r-]/.test(text) && isNaN(Number(text)) ? `'${text}` : text; // no formula of a spreadsheet
  const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const line = texts => texts.map(text => quoted(safe(plain(text.replaceAll("\u00a0", " ").trim())))).join(",");
  const spread = (first, second) => headers.flatMap((_, column) =>
    detailed[column] ? [first(column), second(column)] : [first(column)]);
  const lines = [line(spread(column => headers[column], column => `${headers[column]}: detail`))];
  for (const row of rows) lines.push(line(spread(c => main(row.cells[c]), c => detail(row.cells[c]))));
  return lines.join("\n") + "\n";
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, or an old browser
    const area = make("textarea", { class: "offscreen" }, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function equip(table) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = make("button", { type: "button", title: "Sort", onclick: () => sortBy(table, column) });
    button.append(...cell.childNodes);
    cell.append(button);
  });
  const tools = make("div", { class: "tools" });
  if (table.tBodies[0].rows.length > 3) {
    const filter = event => {
      const wanted = event.target.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    };
    tools.append(make("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows", oninput: filter }));
  }
  const copied = async event => {
    await copy(asCsv(table));
    event.target.textContent = "Copied";
    setTimeout(() => { event.target.textContent = "Copy as CSV"; }, 1500);
  };
  tools.append(make("button", { type: "button", onclick: copied }, "Copy as CSV"));
  table.parentElement.before(tools);
}

const dataOf = figure => JSON.parse(figure.querySelector("script").textContent);

// Names side by side: their numbers, samples and sounds in columns, their curves and shares under them.
function picker(place) {
  const section = place.closest("section"), names = JSON.parse(place.dataset.names);
  const { baseline } = place.dataset;
  const chosen = new Set([names[0], names.includes(baseline) && baseline !== names[0] ? baseline : names[1]]);
  const shelf = make("div", { class: "scroll" }), below = make("div", { class: "charts" });
  const chips = make("div", { class: "keys", role: "group", "aria-label": "Names to show" });
  place.append(make("h3", {}, "Side by side"), chips, make("details", { open: false, ontoggle: show },
    make("summary", {}, "Numbers, samples, sounds, curves and shares of the chosen names"), shelf, below));

  function rows(list) {
    const table = [...section.querySelectorAll("table")].find(one => main(one.tHead.rows[0].cells[0]).includes("rank"));
    if (!table) return [];
    const headers = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
    const cells = list.map(name => [...table.tBodies[0].rows].find(row => main(row.cells[1]).trim() === name)?.cells);
    return headers.map((header, i) => i === 1 ? null : [header, cells.map(row => row ? [...row[i].cloneNode(true).childNodes] : [])]).filter(Boolean);
  }

  function show() {
    const list = names.filter(name => chosen.has(name));
    chips.replaceChildren(...names.map(name => toggle(name, chosen.has(name), () => {
      if (!chosen.delete(name)) chosen.add(name);
      show();
    })));
    if (!place.querySelector("details").open) return;
    const body = make("tbody", {}, ...rows(list).map(([header, cells]) =>
      make("tr", {}, make("th", { scope: "row" }, header), ...cells.map(nodes => make("td", {}, ...nodes)))));
    const shelves = new Map();
    for (const tile of section.querySelectorAll("[data-name]")) {
      const title = tile.closest("[data-title]").dataset.title;
      if (!shelves.has(title)) shelves.set(title, new Map());
      shelves.get(title).set(tile.dataset.name, tile);
    }
    for (const [title, tiles] of shelves) {
      if (!list.some(name => tiles.has(name))) continue;
      body.append(make("tr", {}, make("th", { scope: "row" }, title),
        ...list.map(name => make("td", {}, ...(tiles.has(name) ? [...tiles.get(name).cloneNode(true).childNodes] : ["–"])))));
    }
    shelf.replaceChildren(make("table", { class: "columns" },
      make("thead", {}, make("tr", {}, make("th"), ...list.map(name => make("th", { scope: "col" }, make("code", {}, name))))), body));
    shelf.firstChild.style.setProperty("--names", list.length);
    below.replaceChildren();
    for (const figure of section.querySelectorAll("figure.chart")) {
      const data = dataOf(figure), holder = make("div", { class: "small" }, make("small", {}, figure.dataset.title));
      if (data.lines && !data.lines.some(line => list.includes(line.name))) continue; // of seeds, not of names
      below.append(holder);
      if (data.lines) chart(holder, data, list, names);
      else strips(holder, data, list);
    }
  }

  place.hidden = false;
  show();
}

// Opens what a link leads to.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.matches("h3") && target.parentElement.querySelector("details");
  if (folded) folded.open = true;
}

document.querySelectorAll(".table > table").forEach(equip);
document.querySelectorAll("figure.chart").forEach(figure => {
  const data = dataOf(figure), holder = make("div", { class: "live" });
  const section = figure.closest("section"), order = section.querySelector(".picker");
  figure.prepend(holder);
  figure.classList.add("drawn");
  if (data.lines) chart(holder, data, null, order ? JSON.parse(order.dataset.names) : []);
  else strips(holder, data, null);
});
document.querySelectorAll(".picker").forEach(picker);
document.documentElement.classList.add("live-page");
addEventListener("click", ({ target }) => target.matches?.(".tiles img, .columns img") && target.classList.toggle("natural"));
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
follow();
