// What all charts share: the data, words, the clock of the site, the time window, canvases and axes.

const D = JSON.parse(document.getElementById("data").textContent);
const END = D.start + D.n * D.fold * D.step;
const DAY = 86400;
const STEP = D.fold * D.step;
const SHORTEST = Math.max(2 * 3600, 4 * STEP);
const INK = "#1b2430", SOFT = "#5b6675", LINE = "#dde2e8";

function say(key, values) {
  return D.words[key].replace(/\{(\w+)\}/g, (all, name) => (values && name in values ? values[name] : all));
}

function digits(value, n) {
  const [whole, part] = value.toFixed(n).split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
  return text.replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
}

function make(tag, parent, text, name) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  if (parent) parent.appendChild(node);
  return node;
}

// ---- the clock of the site: seconds since the epoch -> fields of the local wall clock

function offsetAt(t) {
  let k = 0;
  while (k + 1 < D.offsets.length && D.offsets[k + 1][0] <= t) k++;
  return D.offsets[k][1];
}

function dateText(t, form) {
  const local = new Date((t + offsetAt(t)) * 1000);
  return say(form || "date", {
    weekday: D.words.weekdays.split(" ")[local.getUTCDay()],
    day: local.getUTCDate(),
    month: D.words.months.split(" ")[local.getUTCMonth()],
    year: local.getUTCFullYear(),
  });
}

function clockText(t) {
  return new Date((t + offsetAt(t)) * 1000).toISOString().slice(11, 16);
}

function momentText(t) {
  return dateText(t) + " " + clockText(t);
}

function midnight(t) {
  const offset = offsetAt(t);
  return Math.floor((t + offset) / DAY) * DAY - offset;
}

// ---- the window of time that all charts show, and what else is chosen

const view = { from: D.start, to: END, hover: null, shown: [], policy: 0, session: -1, moment: null };
const drawers = [];
let waiting = false;

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    drawers.forEach((draw) => draw());
  });
}

function setWindow(from, to) {
  const length = Math.min(Math.max(to - from, SHORTEST), END - D.start);
  const start = Math.min(Math.max(from, D.start), END - length);
  view.from = start;
  view.to = start + length;
  redraw();
}

function sum(policy, k) {
  const at = (name) => (policy[name] ? policy[name][k] : 0);
  return D.base[k] - (D.solar ? D.solar[k] : 0) + policy.charge[k] + at("into") - at("given") - at("out");
}

function baseline() {
  return D.policies.findIndex((policy) => policy.name === "uncontrolled");
}

function preferred() {
  const usable = D.policies.map((policy, k) => k).filter((k) => !["uncontrolled", "foresight"].includes(D.policies[k].name));
  const optimal = usable.find((k) => D.policies[k].name === "optimal");
  return optimal !== undefined ? optimal : usable.length ? usable[usable.length - 1] : 0;
}

// The week around the highest load without control, where the run is longer than ten days.
function firstWindow() {
  if (END - D.start <= 10 * DAY) return [D.start, END];
  const policy = D.policies[Math.max(0, baseline())];
  let top = 0;
  for (let k = 1; k < D.n; k++) if (sum(policy, k) > sum(policy, top)) top = k;
  const from = midnight(D.start + top * STEP) - 3 * DAY;
  return [from, from + 7 * DAY];
}

// ---- canvases and axes

function canvas(parent, height) {
  const node = make("canvas", parent);
  node.style.height = height + "px";
  return node;
}

function brush(node, height) {
  const width = node.clientWidth || 300;
  const ratio = window.devicePixelRatio || 1;
  if (node.width !== Math.round(width * ratio) || node.height !== Math.round(height * ratio)) {
    node.width = Math.round(width * ratio);
    node.height = Math.round(height * ratio);
    node.style.height = height + "px";
  }
  const g = node.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "12px system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif";
  g.textBaseline = "middle";
  return [g, width];
}

function narrow() {
  return window.innerWidth < 640;
}

function leftMargin() {
  return narrow() ? 58 : 78;
}

function scaleX(width) {
  const left = leftMargin(), right = 14;
  const perSecond = (width - left - right) / (view.to - view.from);
  return {
    left, right: width - right,
    x: (t) => left + (t - view.from) * perSecond,
    t: (x) => Math.min(view.to, Math.max(view.from, view.from + (x - left) / perSecond)),
  };
}

function niceStep(span, most) {
  const rough = span / most;
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough) || 10 * power;
}

const TIME_STEPS = [900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY];

function timeTicks(scale) {
  const room = narrow() ? 60 : 88;
  const most = Math.max(2, (scale.right - scale.left) / room);
  const step = TIME_STEPS.find((s) => (view.to - view.from) / s <= most) || 91 * DAY;
  const ticks = [];
  const first = Math.ceil((view.from + offsetAt(view.from)) / step) * step;
  for (let local = first; ticks.length < 200; local += step) {
    const t = local - offsetAt(local - offsetAt(view.from));
    if (t > view.to) break;
    ticks.push({ t, day: ((local % DAY) + DAY) % DAY === 0 });
  }
  return ticks;
}

function timeAxis(g, scale, top, bottom, labelled) {
  g.textAlign = "center";
  timeTicks(scale).forEach((tick) => {
    const x = scale.x(tick.t);
    g.strokeStyle = tick.day ? "#b9c3cd" : "#e9edf1";
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x, top);
    g.lineTo(x, bottom);
    g.stroke();
    if (!labelled) return;
    const text = tick.day ? dateText(tick.t, narrow() ? "short-date" : "date") : clockText(tick.t);
    const half = g.measureText(text).width / 2;
    g.fillStyle = tick.day ? INK : SOFT;
    g.fillText(text, Math.min(Math.max(x, half + 2), scale.right + 12 - half), bottom + 11);
  });
  if (labelled) {
    g.fillStyle = SOFT;
    g.fillText(D.words["time-axis"], (scale.left + scale.right) / 2, bottom + 28);
  }
}

function valueAxis(g, scale, y, low, high, label, most) {
  const step = niceStep(Math.max(high - low, 1e-9), most);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  g.textAlign = "right";
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) {
    g.strokeStyle = Math.abs(value) < step * 1e-6 ? "#8d98a4" : LINE;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(scale.left, y(value));
    g.lineTo(scale.right, y(value));
    g.stroke();
    g.fillStyle = SOFT;
    g.fillText(digits(value, Math.min(places, 5)), scale.left - 6, y(value));
  }
  g.save();
  g.translate(11, (y(low) + y(high)) / 2);
  g.rotate(-Math.PI / 2);
  g.textAlign = "center";
  g.fillStyle = SOFT;
  g.fillText(label, 0, 0);
  g.restore();
}

// Visible values of the series: [first, last + 1).
function visible() {
  const from = Math.max(0, Math.floor((view.from - D.start) / STEP));
  return [from, Math.min(D.n, Math.ceil((view.to - D.start) / STEP))];
}

// ---- pointing: hover reads, a drag zooms, a double click shows everything

const tip = document.getElementById("tip");

function showTip(event, text) {
  if (!text) {
    tip.style.display = "none";
    return;
  }
  tip.textContent = text;
  tip.style.display = "block";
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 16, window.innerWidth - box.width - 8)) + "px";
  tip.style.top = Math.max(4, Math.min(event.clientY + 16, window.innerHeight - box.height - 8)) + "px";
}

function pointing(node, read, click) {
  let from = null;
  const timeAt = (event) => scaleX(node.clientWidth).t(event.clientX - node.getBoundingClientRect().left);
  node.addEventListener("pointerdown", (event) => {
    from = { t: timeAt(event), x: event.clientX };
  });
  node.addEventListener("pointermove", (event) => {
    view.hover = timeAt(event);
    view.drag = from && Math.abs(event.clientX - from.x) > 5 ? [from.t, view.hover] : null;
    showTip(event, view.drag ? momentText(Math.min(...view.drag)) + " – " + momentText(Math.max(...view.drag)) : read(view.hover, event));
    redraw();
  });
  node.addEventListener("pointerup", (event) => {
    if (view.drag) setWindow(Math.min(...view.drag), Math.max(...view.drag));
    else if (from && click) click(timeAt(event), event);
    from = view.drag = null;
    redraw();
  });
  const leave = () => {
    from = view.drag = view.hover = null;
    showTip(null, "");
    redraw();
  };
  node.addEventListener("pointerleave", leave);
  node.addEventListener("pointercancel", leave);
  node.addEventListener("dblclick", () => setWindow(D.start, END));
}

function marks(g, scale, top, bottom) {
  if (view.drag) {
    g.fillStyle = "rgba(86, 180, 233, .25)";
    g.fillRect(scale.x(Math.min(...view.drag)), top, Math.abs(scale.x(view.drag[1]) - scale.x(view.drag[0])), bottom - top);
  }
  [[view.moment, "#0072B2"], [view.hover, "#5b6675"]].forEach(([t, colour]) => {
    if (t === null || t < view.from || t > view.to) return;
    g.strokeStyle = colour;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(scale.x(t), top);
    g.lineTo(scale.x(t), bottom);
    g.stroke();
  });
}

window.addEventListener("resize", redraw);
