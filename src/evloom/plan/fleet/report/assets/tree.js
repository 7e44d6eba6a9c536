// Load against limit: the root, the sum and the most loaded nodes of every level, and any node that is chosen.

const BASE = "#b4bcc6", CHARGE = "#56B4E9", GIVEN = "#009E73", ONCE = "#D55E00", ASKED = "#CC79A7";

// A series is a list, or one number where it never changes, or null where there is none.
function at(series, k) {
  return Array.isArray(series) ? series[k] : series;
}

function edge(k) {
  return D.edges ? D.edges[k] : D.start + k * STEP;
}

function stepAt(t) {
  if (!D.edges) return Math.min(D.n - 1, Math.max(0, Math.floor((t - D.start) / STEP)));
  let low = 0, high = D.n - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (D.edges[middle] <= t) low = middle; else high = middle - 1;
  }
  return low;
}

function inView() {
  return [stepAt(view.from), Math.min(D.n, stepAt(view.to - 1e-3) + 1)];
}

function powerText(kw, mega) {
  const value = mega ? kw / 1000 : kw;
  return digits(value, Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 2) + (mega ? " MW" : " kW");
}

function highest(series) {
  let most = -Infinity;
  for (let k = 0; k < D.n; k++) most = Math.max(most, at(series, k));
  return most;
}

// Highest excess over the limit, or over the base load where that alone is above it.
function excess(series, name) {
  let most = 0;
  if (series.limit === null) return 0;
  for (let k = 0; k < D.n; k++) {
    const limit = at(series.limit, k);
    if (limit !== null) most = Math.max(most, at(series[name], k) - Math.max(limit, at(series.base, k)));
  }
  return most;
}

function headline(head, series, mega) {
  const peaks = [highest(series.once), highest(series.kw)].map((kw) => powerText(kw, mega).split(" ")[0]);
  make("small", head, say("peak", { once: peaks[0], kw: peaks[1], unit: mega ? "MW" : "kW" }));
  const over = excess(series, "once");
  const size = Math.max(1, highest(series.once));
  if (over > 1e-4 * size) make("small", head, say("over-once", { kw: powerText(over, mega).split(" ")[0], unit: mega ? "MW" : "kW" }), "over");
}

function treePanel(parent, title, series, height) {
  const mega = Math.max(highest(series.once), highest(series.kw)) >= 20000;
  const box = make("div", parent, undefined, "panel");
  const head = make("h4", box, title);
  headline(head, series, mega);
  const node = canvas(box, height);
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", head.textContent);
  pointing(node, (t) => readSeries(title, series, mega, t));
  drawers.push(() => { if (box.isConnected) drawSeries(node, series, mega, height); });
  return box;
}

function readSeries(title, series, mega, t) {
  const k = stepAt(t), kw = at(series.kw, k), base = at(series.base, k), limit = at(series.limit, k);
  const lines = [title + ", " + momentText(edge(k))];
  lines.push(D.words.total + ": " + powerText(kw, mega), D.words.base + ": " + powerText(base, mega));
  if (kw >= base) lines.push(D.words.charge + ": " + powerText(kw - base, mega));
  else if (series.gives) lines.push(D.words.given + ": " + powerText(base - kw, mega));
  lines.push(D.words.once + ": " + powerText(at(series.once, k), mega));
  if (limit !== null) {
    const share = limit > 0 ? " (" + say("of-limit", { share: digits((100 * kw) / limit, 0) }) + ")" : "";
    lines.push(D.words.limit + ": " + powerText(limit, mega) + share);
  }
  (series.requests || []).filter((one) => one[0] <= t && t < one[1]).forEach((one) => {
    lines.push(D.words.request + ": " + D.words[one[3] ? "ceiling" : "least"] + " " + powerText(one[2], mega));
  });
  return lines.join("\n");
}

function reachOf(series) {
  const [first, last] = inView();
  let high = 0, low = 0, load = 0, floor = 0;
  for (let k = first; k < last; k++) {
    load = Math.max(load, at(series.kw, k), at(series.once, k), at(series.base, k));
    low = Math.min(low, at(series.kw, k), at(series.once, k), at(series.base, k));
    const limit = at(series.limit, k);
    if (limit !== null) high = Math.max(high, limit);
    floor = Math.min(floor, at(series.floor, k) || 0);
  }
  (series.requests || []).forEach((one) => { load = Math.max(load, one[2]); low = Math.min(low, one[2]); });
  if (floor > 2 * low) low = Math.min(low, floor);
  // A limit far above all load would press the load into the ground: it is left out of the picture then.
  high = high > 3 * load && load > 0 ? load : Math.max(high, load);
  return [Math.max(high * 1.06, 1e-3), low * 1.06];
}

function stepLine(g, scale, y, series, colour, width, dash) {
  const [first, last] = inView();
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.setLineDash(dash || []);
  g.beginPath();
  let open = false;
  for (let k = first; k < last; k++) {
    const value = at(series, k);
    if (value === null) { open = false; continue; }
    if (!open) g.moveTo(scale.x(edge(k)), y(value));
    g.lineTo(scale.x(edge(k)), y(value));
    g.lineTo(scale.x(edge(k + 1)), y(value));
    open = true;
  }
  g.stroke();
  g.setLineDash([]);
}

function fillBetween(g, scale, y, colour, from, to) {
  const [first, last] = inView();
  g.fillStyle = colour;
  g.beginPath();
  for (let k = first; k < last; k++) {
    g.lineTo(scale.x(edge(k)), y(to(k)));
    g.lineTo(scale.x(edge(k + 1)), y(to(k)));
  }
  for (let k = last - 1; k >= first; k--) {
    g.lineTo(scale.x(edge(k + 1)), y(from(k)));
    g.lineTo(scale.x(edge(k)), y(from(k)));
  }
  g.fill();
}

function drawSeries(node, series, mega, height) {
  const [g, width] = brush(node, height);
  const scale = scaleX(width);
  const [high, low] = reachOf(series);
  const top = 8, bottom = height - 42;
  const y = (value) => top + (1 - (value - low) / (high - low)) * (bottom - top);
  timeAxis(g, scale, top, bottom, true);
  const unit = mega ? 1000 : 1;
  valueAxis(g, scale, (value) => y(value * unit), low / unit, high / unit, D.words[mega ? "power-axis-mw" : "power-axis"], 4);
  g.save();
  g.beginPath();
  g.rect(scale.left, 0, scale.right - scale.left, bottom + 1);
  g.clip();
  fillBetween(g, scale, y, BASE, () => 0, (k) => at(series.base, k));
  fillBetween(g, scale, y, CHARGE, (k) => at(series.base, k), (k) => Math.max(at(series.base, k), at(series.kw, k)));
  if (series.gives) fillBetween(g, scale, y, GIVEN, (k) => at(series.base, k), (k) => Math.min(at(series.base, k), at(series.kw, k)));
  stepLine(g, scale, y, series.kw, INK, 1.2);
  stepLine(g, scale, y, series.once, ONCE, 1.6);
  if (series.limit !== null) stepLine(g, scale, y, series.limit, INK, 2, [7, 5]);
  if (series.floor !== null) stepLine(g, scale, y, series.floor, GIVEN, 1.5, [2, 4]);
  (series.requests || []).forEach(([from, to, kw]) => {
    g.strokeStyle = ASKED;
    g.lineWidth = 4;
    g.beginPath();
    g.moveTo(scale.x(from), y(kw));
    g.lineTo(scale.x(to), y(kw));
    g.stroke();
  });
  marks(g, scale, top, bottom);
  g.restore();
}

D.words["time-axis"] = say("time-axis", D);

// ---- legend, the levels, any node

(function legend() {
  const parent = document.getElementById("load-legend");
  const series = D.nodes.concat(D.levels.map((level) => level.sum));
  const gives = series.some((one) => one.gives);
  const keys = [["base", "key", BASE], ["charge", "key", CHARGE], ["total", "key line", INK], ["once", "key line", ONCE], ["limit", "key dashed", INK]];
  if (gives) keys.splice(2, 0, ["given", "key", GIVEN]);
  if (gives && series.some((one) => one.floor !== null)) keys.push(["floor", "key dashed", GIVEN]);
  if (D.nodes.some((one) => one.requests)) keys.push(["request", "key", ASKED]);
  keys.forEach(([name, kind, colour]) => {
    const item = make("span", parent);
    make("i", item, undefined, kind).style[kind === "key" ? "background" : "borderColor"] = colour;
    item.append(D.words[name]);
  });
})();

const treeBox = document.getElementById("tree");
treePanel(treeBox, D.nodes[0].id, D.nodes[0], 260);
D.levels.slice(1).forEach((level) => {
  if (level.n > 1) treePanel(treeBox, level.label, level.sum, 210);
  make("p", treeBox, level.shown, "note");
  const grid = make("div", treeBox, undefined, "small-grid");
  level.worst.forEach((place) => treePanel(grid, D.nodes[place].id, D.nodes[place], 180));
});

const nodeChoice = document.getElementById("node-choice");
if (nodeChoice) {
  let group = null, depth = -1;
  D.nodes.forEach((node, place) => {
    if (node.level !== depth) {
      depth = node.level;
      group = make("optgroup", nodeChoice);
      group.label = D.levels[depth].label;
    }
    const text = node.id + (node.loading > 0 ? " – " + say("of-limit", { share: digits(100 * node.loading, 0) }) : "");
    make("option", group, text).value = String(place);
  });
  const first = D.levels.length > 1 && D.levels[1].worst.length ? D.levels[1].worst[0] : 0;
  nodeChoice.value = String(first);
  const show = () => {
    const place = Number(nodeChoice.value), box = document.getElementById("any");
    box.replaceChildren();
    treePanel(box, D.nodes[place].id, D.nodes[place], 230);
    redraw();
  };
  nodeChoice.addEventListener("change", show);
  show();
}
