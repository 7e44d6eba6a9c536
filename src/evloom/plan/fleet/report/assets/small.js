// Share of the need served by priority, and how value and bound converged; then the first drawing of the page.

function plainScale(node, height, left) {
  return { left, right: node.clientWidth - 12, top: 8, bottom: height - 42 };
}

// Text along a horizontal axis under a chart.
function numberAxis(g, p, x, ticks, label) {
  g.textAlign = "center";
  g.fillStyle = SOFT;
  ticks.forEach((value) => g.fillText(digits(value, 0), x(value), p.bottom + 11));
  g.fillText(label, (p.left + p.right) / 2, p.bottom + 29);
}

const classBox = document.getElementById("classes");
if (classBox) {
  D.classes.filter((one) => one.full < one.n).forEach((one) => {
    const box = make("div", classBox, undefined, "panel");
    make("h4", box, one.label);
    const node = canvas(box, 190), bins = one.counts.length;
    const top = Math.max(4, 1.06 * one.counts.reduce((a, b) => Math.max(a, b), 0));
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", one.label);
    const place = () => plainScale(node, 190, leftMargin());
    drawers.push(() => {
      const [g] = brush(node, 190);
      const p = place();
      const x = (percent) => p.left + (percent / 100) * (p.right - p.left);
      const y = (value) => p.bottom - (value / top) * (p.bottom - p.top);
      valueAxis(g, p, y, 0, top, D.words["vehicles-axis"], 4);
      g.fillStyle = ONCE;
      one.counts.forEach((count, k) => {
        const from = x((100 * k) / bins), to = x((100 * (k + 1)) / bins);
        g.fillRect(from + 1, y(count), to - from - 2, p.bottom - y(count));
      });
      numberAxis(g, p, x, [0, 20, 40, 60, 80, 100], D.words["share-axis"]);
    });
    node.addEventListener("pointermove", (event) => {
      const p = place(), share = (event.clientX - node.getBoundingClientRect().left - p.left) / (p.right - p.left);
      const k = Math.floor(share * bins);
      if (k < 0 || k >= bins) return showTip(null, "");
      const span = (100 * k) / bins + "–" + (100 * (k + 1)) / bins + " %";
      return showTip(event, span + "\n" + digits(one.counts[k], 0) + " " + D.words["vehicles-axis"]);
    });
    node.addEventListener("pointerleave", () => showTip(null, ""));
  });
}

// Lines over the number of sweeps; `log` draws the powers of ten evenly.
function sweepChart(parent, lines, label, log) {
  const R = D.rounds, height = 240;
  const node = canvas(make("div", parent, undefined, "panel"), height);
  const map = log ? (value) => Math.log10(value) : (value) => value;
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", label);
  const good = (value) => value !== null && (!log || value > 0);
  const known = lines.flatMap((line) => line.values).filter(good).map(map);
  if (!known.length) return;
  let low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  if (log) [low, high] = [Math.floor(low), Math.max(Math.ceil(high), Math.floor(low) + 1)];
  else {
    const pad = 0.06 * (high - low) || Math.abs(high) * 0.01 || 1;
    [low, high] = [low - pad, high + pad];
  }
  const last = Math.max(R.sweep[R.sweep.length - 1], R.sweep[0] + 1), first = R.sweep[0];
  const widest = log ? "0.0001" : digits(high, Math.max(0, 1 - Math.floor(Math.log10(high - low))));
  const left = Math.max(leftMargin(), 32 + 7 * widest.length);
  const place = () => plainScale(node, height, left);
  const at_x = (p, sweep) => p.left + 6 + ((sweep - first) / (last - first)) * (p.right - p.left - 12);
  drawers.push(() => {
    const [g] = brush(node, height);
    const p = place();
    const y = (value) => p.top + (1 - (value - low) / (high - low)) * (p.bottom - p.top);
    if (log) powerAxis(g, p, y, low, high, label);
    else valueAxis(g, p, y, low, high, label, 5);
    const step = Math.max(1, niceStep(last - first, narrow() ? 4 : 8)), ticks = [];
    for (let sweep = Math.ceil(first / step) * step; sweep <= last; sweep += step) ticks.push(sweep);
    numberAxis(g, p, (sweep) => at_x(p, sweep), ticks, D.words.sweep);
    lines.forEach((line) => {
      g.strokeStyle = g.fillStyle = line.colour;
      g.lineWidth = 2;
      g.setLineDash(line.dash || []);
      g.beginPath();
      line.values.forEach((value, k) => { if (good(value)) g.lineTo(at_x(p, R.sweep[k]), y(map(value))); });
      g.stroke();
      g.setLineDash([]);
      if (R.sweep.length > 60) return;
      line.values.forEach((value, k) => {
        if (!good(value)) return;
        g.beginPath();
        g.arc(at_x(p, R.sweep[k]), y(map(value)), 2.5, 0, 7);
        g.fill();
      });
    });
  });
  node.addEventListener("pointermove", (event) => {
    const p = place(), x = event.clientX - node.getBoundingClientRect().left;
    let best = 0;
    R.sweep.forEach((sweep, k) => { if (Math.abs(at_x(p, sweep) - x) < Math.abs(at_x(p, R.sweep[best]) - x)) best = k; });
    const text = lines.map((line) => line.label + ": " + (line.values[best] === null ? "–" : Number(line.values[best].toPrecision(7))));
    showTip(event, [D.words.sweep + " " + R.sweep[best]].concat(text).join("\n"));
  });
  node.addEventListener("pointerleave", () => showTip(null, ""));
}

function powerAxis(g, p, y, low, high, label) {
  const step = Math.max(1, Math.ceil((high - low) / 6));
  g.textAlign = "right";
  for (let power = low; power <= high; power += step) {
    g.strokeStyle = LINE;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(p.left, y(power));
    g.lineTo(p.right, y(power));
    g.stroke();
    g.fillStyle = SOFT;
    g.fillText(power >= -4 ? String(Number((10 ** power).toPrecision(1))) : "1e" + String(power).replace("-", "−"), p.left - 6, y(power));
  }
  g.save();
  g.translate(11, (p.top + p.bottom) / 2);
  g.rotate(-Math.PI / 2);
  g.textAlign = "center";
  g.fillStyle = SOFT;
  g.fillText(label, 0, 0);
  g.restore();
}

if (D.rounds) {
  const parent = document.getElementById("rounds-charts"), R = D.rounds;
  const value = { values: R.value, colour: "#0072B2", label: D.words.value };
  const bound = { values: R.bound, colour: "#E69F00", label: D.words.bound, dash: [6, 4] };
  const gap = { values: R.gap, colour: INK, label: D.words["gap-axis"] };
  const legend = document.getElementById("rounds-legend");
  [[value, "key line"], [bound, "key dashed"]].forEach(([line, kind]) => {
    const item = make("span", legend);
    make("i", item, undefined, kind).style.borderColor = line.colour;
    item.append(line.label);
  });
  sweepChart(parent, [value, bound], say("value-axis", D), false);
  sweepChart(parent, [gap], D.words["gap-axis"], true);
}

redraw();
