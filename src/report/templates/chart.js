// Charts that tell their values under the pointer and switch names on and off. The first half of the page's script;
// report.js follows. No styles are set in markup, as the page's Content-Security-Policy demands.
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

const least = values => values.reduce((a, b) => Math.min(a, b), Infinity);
const most = values => values.reduce((a, b) => Math.max(a, b), -Infinity);

// Lowest and highest value of the vertical axis; null where there is nothing to draw.
function extent(data, lists) {
  const known = lists.flat().filter(value => value != null && (!data.logarithmic || value > 0));
  if (!known.length) return null;
  const values = [...known, ...Object.values(data.references)];
  let low = data.limits[0] ?? least(values), high = data.limits[1] ?? most(values);
  if (!(high > low)) high = low + Math.abs(low || 1);
  return data.logarithmic ? [low / 1.1, high * 1.2] : [low, data.limits[1] == null ? high + 0.05 * (high - low) : high];
}

// A chart in `holder`, which draws itself anew for every width that it is given.
function chart(holder, data, names, order) {
  const state = { off: new Set(order.slice(FIRST_SHOWN)), runs: true };
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
    const runsOf = line => state.runs || !line.low ? line.runs : [];
    const range = extent(data, lines.flatMap(line => [line.y, ...runsOf(line).map(run => run[3])]));
    box.hidden = true;
    if (!range) return plot.replaceChildren(make("p", { class: "note" }, "Nothing to draw: switch a name on."));
    const xs = data.lines.flatMap(line => [line.x, ...line.runs.map(run => run[2])]).flat(), last = most(xs) || 1, left = 50, right = 10, top = 10, bottom = 40;
    const [low, high] = range, scale = data.logarithmic ? Math.log10 : value => value;
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
      for (const [, excluded, across, up] of runsOf(line)) {
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
      if (!stops.length) return;
      at = Math.min(stops.length - 1, Math.max(0, index));
      rule.setAttribute("d", `M${x(stops[at])} ${top}V${height - bottom}`);
      box.replaceChildren(make("b", {}, `${compact(stops[at])} ${data.unit}`), ...lines.filter(line => line.x.length).map(line => {
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
  const top = most([2, ...listed.flatMap(name => data.bars[name])]);
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
