// What the page can do beyond being read: sort, filter and copy tables, point at curves, show names side by side.
// The page reads without it. No styles are set in markup, as the page's Content-Security-Policy demands.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const FIRST_SHOWN = 6; // names that a crowded chart begins with
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
const COLOURS = 6;

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const toggle = (text, pressed, click, look = "") =>
  make("button", { type: "button", class: `toggle ${look}`, "aria-pressed": String(pressed), onclick: click }, text);

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

// Curves

const compact = value => value >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M` : value >= 1e3 ? `${+(value / 1e3).toPrecision(3)}k` : `${value}`;
const shown = value => value == null ? "–" : String(+value.toPrecision(3)).replace("-", "−");

function ticks(low, high, log, wanted = 5) {
  if (log) {
    const powers = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) powers.push(10 ** power);
    const all = powers.length > 2 ? powers : powers.flatMap(power => [power, 2 * power, 5 * power]);
    return all.filter(value => value >= low && value <= high).map(value => +value.toPrecision(6));
  }
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) values.push(+value.toPrecision(6));
  return values;
}

function extent(data, lines, withRuns) {
  const lists = lines.flatMap(line => [line.y, ...(withRuns ? line.runs.map(run => run[3]) : [])]);
  const values = [...lists.flat(), ...Object.values(data.references)].filter(value => value != null && (!data.logarithmic || value > 0));
  let low = data.limits[0] ?? Math.min(...values), high = data.limits[1] ?? Math.max(...values);
  if (!(high > low)) high = low + Math.abs(low || 1);
  return data.logarithmic ? [low / 1.1, high * 1.2] : [low, data.limits[1] == null ? high + 0.05 * (high - low) : high];
}

// A chart in `holder`, which draws itself anew for every width that it is given.
function chart(holder, data, names, order) {
  const state = { off: new Set(order.slice(FIRST_SHOWN)), runs: data.seeds };
  state.off.delete(data.baseline);
  const levels = [...new Set(data.lines.map(line => line.level))];
  const all = [...new Set(data.lines.map(line => line.name))];
  const look = name => `c${all.indexOf(name) % COLOURS}`;
  const dash = line => DASHES[levels[0] ? levels.indexOf(line.level) % DASHES.length : Math.floor(all.indexOf(line.name) / COLOURS) % DASHES.length];
  const plot = make("div", { class: "plot" }), box = make("div", { class: "values", role: "status", hidden: true });
  const keys = make("div", { class: "keys" });

  function legend() {
    const listed = all.filter(name => !names || names.includes(name));
    const noted = name => [name, ...data.lines.filter(line => line.name === name && line.note)
      .map(line => `${line.level}: ${line.note}`)].join(" · ");
    const buttons = names ? listed.map(name => make("span", { class: `key ${look(name)}` }, noted(name)))
      : listed.map(name => toggle(noted(name), !state.off.has(name), () => {
        if (!state.off.delete(name)) state.off.add(name);
        redraw();
      }, look(name)));
    const runs = data.lines.some(line => line.runs.length > 1 && line.low)
      ? [toggle("each seed", state.runs, () => { state.runs = !state.runs; redraw(); })] : [];
    const dashes = levels[0] ? levels.map((level, index) => make("span", { class: "key" },
      draw("svg", { width: 30, height: 8, class: "swatch" }, draw("path", { d: "M0 4H30", "stroke-dasharray": DASHES[index] })), level)) : [];
    keys.replaceChildren(...buttons, ...dashes, ...runs);
  }

  function redraw() {
    legend();
    const width = Math.max(260, Math.floor(plot.clientWidth || holder.clientWidth)), height = names ? 210 : 280;
    const lines = data.lines.filter(line => names ? names.includes(line.name) : !state.off.has(line.name));
    box.hidden = true;
    if (!lines.length) return plot.replaceChildren(make("p", { class: "note" }, "No name is switched on."));
    const xs = data.lines.flatMap(line => line.x), last = Math.max(...xs), left = 50, right = 10, top = 10, bottom = 40;
    const [low, high] = extent(data, lines, state.runs), scale = data.logarithmic ? Math.log10 : value => value;
    const x = value => left + (value / last) * (width - left - right);
    const part = value => (scale(value) - scale(low)) / (scale(high) - scale(low));
    const y = value => height - bottom - Math.min(1.02, Math.max(-0.02, part(Math.max(value, data.logarithmic ? low / 10 : -Infinity)))) * (height - top - bottom);
    const path = (across, up) => across.map((value, i) => up[i] == null ? "" : `${i && up[i - 1] != null ? "L" : "M"}${x(value).toFixed(1)} ${y(up[i]).toFixed(1)}`).join("");
    const image = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: 0, "aria-label": `${data.label} against ${data.unit} seen; arrow keys read values` });
    for (const value of ticks(low, high, data.logarithmic)) {
      image.append(draw("path", { class: "grid", d: `M${left} ${y(value)}H${width - right}` }),
        draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, shown(value)));
    }
    for (const value of ticks(0, last, false, width < 420 ? 3 : 5)) {
      image.append(draw("text", { x: x(value), y: height - bottom + 16, "text-anchor": "middle" }, compact(value)));
    }
    image.append(draw("text", { x: width - right, y: height - 6, "text-anchor": "end" }, `training ${data.unit} seen`),
      draw("text", { x: 4, y: height - 6 }, data.label));
    for (const [label, value] of Object.entries(data.references)) {
      image.append(draw("path", { class: "reference", d: `M${left} ${y(value)}H${width - right}` }),
        draw("text", { x: left + 4, y: y(value) + 12 }, label));
    }
    for (const line of lines) {
      const group = draw("g", { class: look(line.name) });
      if (line.low) {
        const back = (list) => [...list].reverse();
        const ends = path([...line.x, ...back(line.x)], [...line.high, ...back(line.low)].map((v, i) => v ?? [...line.y, ...back(line.y)][i]));
        group.append(draw("path", { class: "band", d: `${ends}Z` }));
      }
      for (const [, excluded, across, up] of state.runs || !line.low ? line.runs : []) {
        group.append(draw("path", { class: excluded ? "run excluded" : "run", d: path(across, up) }));
      }
      for (const [what, when] of Object.entries(line.times)) {
        group.append(draw("path", { class: what, d: `M${x(when)} ${top}V${height - bottom}` }, draw("title", {}, `${line.name}: ${what}`)));
      }
      if (line.points || line.x.length === 1) line.x.forEach((value, i) => group.append(draw("circle", { cx: x(value), cy: y(line.y[i]), r: 3 })));
      else group.append(draw("path", { class: "mean", d: path(line.x, line.y), "stroke-dasharray": dash(line) }));
      image.append(group);
    }
    const rule = draw("path", { class: "rule" });
    image.append(rule);
    const stops = [...new Set(lines.flatMap(line => line.x))].sort((a, b) => a - b);
    let at = -1;
    const read = index => {
      at = Math.min(stops.length - 1, Math.max(0, index));
      rule.setAttribute("d", `M${x(stops[at])} ${top}V${height - bottom}`);
      box.replaceChildren(make("b", {}, `${compact(stops[at])} ${data.unit}`), ...lines.map(line => {
        const nearest = line.x.reduce((best, value, i) => Math.abs(value - stops[at]) < Math.abs(line.x[best] - stops[at]) ? i : best, 0);
        const ends = line.low && line.low[nearest] != null ? ` [${shown(line.low[nearest])}, ${shown(line.high[nearest])}]` : "";
        const label = [line.name, line.level, line.note].filter(Boolean).join(" · ");
        return make("span", { class: `key ${look(line.name)}` }, `${label}: ${shown(line.y[nearest])}${ends}`);
      }));
      box.hidden = false;
    };
    const hide = () => { box.hidden = true; rule.removeAttribute("d"); };
    image.addEventListener("pointermove", event => {
      const place = (event.clientX - image.getBoundingClientRect().left - left) / (width - left - right) * last;
      read(stops.reduce((best, value, i) => Math.abs(value - place) < Math.abs(stops[best] - place) ? i : best, 0));
    });
    image.addEventListener("pointerleave", hide);
    image.addEventListener("blur", hide);
    image.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) { event.preventDefault(); read(at + step); }
    });
    plot.replaceChildren(image);
  }

  holder.append(keys, plot, box);
  let width = 0;
  new ResizeObserver(() => {
    if (plot.clientWidth && plot.clientWidth !== width) { width = plot.clientWidth; redraw(); }
  }).observe(plot);
  redraw();
}

// Shares of classes: a strip of bars per name, the dashed line an equal share.
function strips(holder, data, names) {
  const listed = Object.keys(data.bars).filter(name => !names || names.includes(name) || name.startsWith("real"));
  const top = Math.max(2, ...listed.flatMap(name => data.bars[name]));
  for (const name of listed) {
    const step = 100 / data.classes.length, bars = data.bars[name].map((value, i) => draw("rect", {
      x: i * step + step / 8, width: step * 0.75, y: 40 - 40 * value / top, height: 40 * value / top,
    }, draw("title", {}, `${data.classes[i]}: ${shown(value)} times an equal share`)));
    const image = draw("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", class: "strip", role: "img", "aria-label": `Shares of classes under ${name}` },
      ...bars, draw("path", { class: "reference", d: `M0 ${40 - 40 / top}H100` }));
    const letters = make("div", { class: "letters" }, ...data.classes.map((label, i) =>
      make("span", {}, label.slice(0, data.classes.length > 12 ? 2 : 8),
        make("b", {}, data.absent[name]?.[label] ? String(data.absent[name][label]) : ""))));
    holder.append(make("small", {}, name), image, letters);
  }
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
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
follow();
