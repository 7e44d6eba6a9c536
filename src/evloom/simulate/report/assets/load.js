// The controls of the window, load against limit for each policy, and the bands of price and carbon below.

const LAYERS = [
  ["base", "#b4bcc6"], ["charge", "#56B4E9"], ["into", "#CC79A7"],
  ["solar", "#F0E442"], ["given", "#009E73"], ["out", "#8a3d6b"],
];
const UP = ["base", "charge", "into"], DOWN = ["solar", "given", "out"];
const OVER = "#D55E00";

function layer(policy, name) {
  return name === "base" || name === "solar" ? D[name] : policy[name];
}

function used(name) {
  return D.policies.some((policy) => layer(policy, name) && layer(policy, name).some((value) => value !== 0));
}

const usedLayers = new Set(LAYERS.map((entry) => entry[0]).filter(used));

// ---- controls: the window

const controls = make("div", document.getElementById("controls"), undefined, "row");
const spanText = make("span", controls, "", "span");
const buttons = make("span", controls, undefined, "row");

function press(text, label, act) {
  const button = make("button", buttons, text);
  button.type = "button";
  if (label) button.setAttribute("aria-label", label);
  button.addEventListener("click", act);
}

function around(days) {
  const from = midnight(days > 1 ? view.from : (view.from + view.to) / 2);
  setWindow(from, from + days * DAY);
}

const shift = (way) => setWindow(view.from + way * (view.to - view.from), view.to + way * (view.to - view.from));
press("‹", D.words.earlier, () => shift(-1));
press("›", D.words.later, () => shift(1));
press(D.words.day, "", () => around(1));
press(D.words.week, "", () => around(7));
press(D.words.all, "", () => setWindow(D.start, END));

const overview = canvas(document.getElementById("controls"), 42);

function overviewX(width) {
  return (t) => 2 + ((t - D.start) / (END - D.start)) * (width - 4);
}

function drawOverview() {
  spanText.textContent = momentText(view.from) + " – " + momentText(view.to);
  const [g, width] = brush(overview, 42);
  const x = overviewX(width);
  const lines = [...new Set([Math.max(0, baseline()), view.policy])].filter((k) => k < D.policies.length);
  let high = D.limit || 0, low = 0;
  lines.forEach((k) => {
    for (let i = 0; i < D.n; i++) {
      high = Math.max(high, sum(D.policies[k], i));
      low = Math.min(low, sum(D.policies[k], i));
    }
  });
  const y = (value) => 38 - ((value - low) / Math.max(high - low, 1e-9)) * 34;
  g.fillStyle = "#f4f6f8";
  g.fillRect(0, 0, width, 42);
  g.fillStyle = "#cfe4f2";
  g.fillRect(x(view.from), 0, Math.max(3, x(view.to) - x(view.from)), 42);
  lines.forEach((k) => {
    g.strokeStyle = D.policies[k].colour;
    g.lineWidth = 1.2;
    g.beginPath();
    for (let i = 0; i < D.n; i++) g.lineTo(x(D.start + (i + 0.5) * STEP), y(sum(D.policies[k], i)));
    g.stroke();
  });
  if (D.limit) {
    g.strokeStyle = INK;
    g.setLineDash([5, 4]);
    g.beginPath();
    g.moveTo(0, y(D.limit));
    g.lineTo(width, y(D.limit));
    g.stroke();
    g.setLineDash([]);
  }
  g.strokeStyle = "#0072B2";
  g.lineWidth = 1.5;
  g.strokeRect(x(view.from), 0.75, Math.max(3, x(view.to) - x(view.from)), 40.5);
}

let moving = false;
function moveTo(event) {
  const box = overview.getBoundingClientRect();
  const t = D.start + ((event.clientX - box.left) / box.width) * (END - D.start);
  const half = (view.to - view.from) / 2;
  setWindow(t - half, t + half);
}
overview.addEventListener("pointerdown", (event) => { moving = true; moveTo(event); });
overview.addEventListener("pointermove", (event) => { if (moving) moveTo(event); });
window.addEventListener("pointerup", () => { moving = false; });

// ---- panels: one for each policy that is ticked

const legend = document.getElementById("load-legend");
LAYERS.filter((entry) => usedLayers.has(entry[0])).forEach(([name, colour]) => {
  const item = make("span", legend);
  make("i", item, undefined, "key").style.background = colour;
  item.append(D.words[name]);
});
[["net", "key line", INK], ["limit", "key dashed", INK], ["over", "key", OVER]].forEach(([name, kind, colour]) => {
  if (name !== "net" && D.limit === null) return;
  const item = make("span", legend);
  const key = make("i", item, undefined, kind);
  key.style[kind === "key" ? "background" : "borderColor"] = colour;
  item.append(D.words[name] + (name === "limit" ? ": " + D.source + ", " + digits(D.limit, 1) + " kW" : ""));
});

const ticks = make("div", null, undefined, "row");
document.getElementById("load").insertBefore(ticks, document.getElementById("panels"));
const panels = D.policies.map((policy, k) => {
  const box = make("div", document.getElementById("panels"), undefined, "panel");
  const head = make("h4", box);
  const dot = make("span", head, undefined, "dot");
  dot.style.background = policy.colour;
  head.append(policy.label + " ");
  const over = make("span", head, "", "over");
  const node = canvas(box, 180);
  pointing(node, (t) => readLoad(policy, t));
  const label = make("label", ticks);
  const tick = make("input", label);
  tick.type = "checkbox";
  tick.checked = k === Math.max(0, baseline()) || k === preferred();
  tick.addEventListener("change", redraw);
  label.append(" " + policy.label);
  return { policy, box, node, over, tick };
});

function readLoad(policy, t) {
  const k = Math.min(D.n - 1, Math.floor((t - D.start) / STEP));
  const lines = [policy.label + ", " + momentText(D.start + k * STEP)];
  lines.push(D.words.net + ": " + digits(sum(policy, k), 1) + " kW");
  LAYERS.forEach(([name]) => {
    const values = layer(policy, name);
    if (usedLayers.has(name) && values) lines.push(D.words[name] + ": " + digits(values[k], 1) + " kW");
  });
  if (D.limit) lines.push(D.words.limit + ": " + digits(D.limit, 1) + " kW");
  return lines.concat(readBands(k)).join("\n");
}

function readBands(k) {
  const lines = [say("price-axis", D) + ": " + digits(D.price[k], 4)];
  if (D.carbon && D.carbon[k] !== null) lines.push(D.words["carbon-axis"] + ": " + digits(D.carbon[k], 3));
  return lines;
}

// Highest stack up and down of one policy in the window.
function reach(policy, first, last) {
  let high = 0, low = 0;
  const at = (name, k) => (layer(policy, name) ? layer(policy, name)[k] : 0);
  for (let k = first; k < last; k++) {
    high = Math.max(high, UP.reduce((total, name) => total + at(name, k), 0));
    low = Math.min(low, -DOWN.reduce((total, name) => total + at(name, k), 0));
  }
  return [high, low];
}

// The area of one layer between `under` and `under` + way * values, as steps; `under` is moved along.
function area(g, scale, y, colour, values, under, way, first) {
  g.fillStyle = colour;
  g.beginPath();
  for (let i = 0; i < under.length; i++) {
    const top = y(under[i] + way * values[first + i]);
    g.lineTo(scale.x(D.start + (first + i) * STEP), top);
    g.lineTo(scale.x(D.start + (first + i + 1) * STEP), top);
  }
  for (let i = under.length - 1; i >= 0; i--) {
    g.lineTo(scale.x(D.start + (first + i + 1) * STEP), y(under[i]));
    g.lineTo(scale.x(D.start + (first + i) * STEP), y(under[i]));
    under[i] += way * values[first + i];
  }
  g.fill();
}

function drawPanel(panel, high, low, labelled) {
  const plot = narrow() ? 130 : 165;
  const height = plot + (labelled ? 50 : 18);
  const [g, width] = brush(panel.node, height);
  const scale = scaleX(width);
  const y = (value) => 10 + (1 - (value - low) / (high - low)) * (plot - 4);
  const bottom = y(low);
  timeAxis(g, scale, 8, bottom, labelled);
  valueAxis(g, scale, y, low, high, D.words["power-axis"], 4);
  g.save();
  g.beginPath();
  g.rect(scale.left, 0, scale.right - scale.left, height);
  g.clip();
  const [first, last] = visible();
  const count = last - first;
  [[UP, 1], [DOWN, -1]].forEach(([names, way]) => {
    const under = new Float64Array(count);
    names.forEach((name) => {
      const values = layer(panel.policy, name);
      if (values && usedLayers.has(name)) area(g, scale, y, LAYERS.find((entry) => entry[0] === name)[1], values, under, way, first);
    });
  });
  drawNet(g, scale, y, panel, first, last);
  marks(g, scale, 8, bottom);
  g.restore();
}

function drawNet(g, scale, y, panel, first, last) {
  let most = 0;
  if (D.limit !== null) {
    g.fillStyle = OVER;
    for (let k = first; k < last; k++) {
      const over = sum(panel.policy, k) - D.limit;
      most = Math.max(most, over);
      const x = scale.x(D.start + k * STEP);
      if (over > 0.05) g.fillRect(x, y(D.limit + over), scale.x(D.start + (k + 1) * STEP) - x + 0.5, y(D.limit) - y(D.limit + over));
    }
  }
  g.strokeStyle = INK;
  g.lineWidth = 1.3;
  g.beginPath();
  for (let k = first; k < last; k++) {
    const level = y(sum(panel.policy, k));
    g.lineTo(scale.x(D.start + k * STEP), level);
    g.lineTo(scale.x(D.start + (k + 1) * STEP), level);
  }
  g.stroke();
  if (D.limit !== null) {
    g.setLineDash([7, 5]);
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(scale.left, y(D.limit));
    g.lineTo(scale.right, y(D.limit));
    g.stroke();
    g.setLineDash([]);
  }
  panel.over.textContent = most > 0.05 ? "– " + D.words.over + ": " + digits(most, 1) + " kW" : "";
}

function drawPanels() {
  const shown = panels.filter((panel) => panel.tick.checked);
  panels.forEach((panel) => { panel.box.style.display = panel.tick.checked ? "" : "none"; });
  const [first, last] = visible();
  let high = D.limit || 0, low = 0;
  shown.forEach((panel) => {
    const [up, down] = reach(panel.policy, first, last);
    high = Math.max(high, up);
    low = Math.min(low, down);
  });
  high = Math.max(high, 1) * 1.04;
  shown.forEach((panel, k) => drawPanel(panel, high, low * 1.04, k === shown.length - 1));
}

// ---- bands of price and carbon

function band(values, label, colour) {
  const node = canvas(document.getElementById("bands"), 88);
  pointing(node, (t) => {
    const k = Math.min(D.n - 1, Math.floor((t - D.start) / STEP));
    return [momentText(D.start + k * STEP)].concat(readBands(k)).join("\n");
  });
  const known = values.filter((value) => value !== null);
  const top = known.reduce((a, b) => Math.max(a, b), 0) * 1.1 || 1, least = known.reduce((a, b) => Math.min(a, b), 0);
  drawers.push(() => {
    const [g, width] = brush(node, 88);
    const scale = scaleX(width);
    const y = (value) => 24 + (1 - (value - least) / (top - least)) * 54;
    timeAxis(g, scale, 22, y(least), false);
    g.save();
    g.beginPath();
    g.rect(scale.left, 0, scale.right - scale.left, 88);
    g.clip();
    const [first, last] = visible();
    g.fillStyle = colour;
    for (let k = first, next; k < last; k = next) {
      for (next = k + 1; next < last && values[next] === values[k]; next++);
      if (values[k] === null) continue;
      const x = scale.x(D.start + k * STEP);
      g.globalAlpha = 0.2 + 0.7 * Math.max(0, (values[k] - least) / (top - least));
      g.fillRect(x, y(Math.max(values[k], 0)), scale.x(D.start + next * STEP) - x, Math.abs(y(0) - y(values[k])));
    }
    g.globalAlpha = 1;
    marks(g, scale, 22, y(least));
    g.restore();
    valueAxis(g, scale, y, least, top, "", 3);
    g.textAlign = "left";
    g.fillText(label, scale.left, 9);
  });
}

drawers.push(drawOverview, drawPanels);
band(D.price, say("price-axis", D), "#E69F00");
if (D.carbon) band(D.carbon, D.words["carbon-axis"], "#6b7785");
