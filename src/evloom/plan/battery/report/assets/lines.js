// Line charts over time: lines with gaps, a band behind them, and when warnings were open.

const BLUE = "#0072B2", VERMILION = "#D55E00", GREEN = "#009E73", BLACK = "#1b2430", BAND = "rgba(86, 100, 117, .20)";
const LEVELS = { watch: "#E69F00", inspect: "#D55E00", stop: "#5b0a0a" };

function centre(k) {
  return D.start + (k + 0.5) * STEP;
}

// [t, value] of a line of bins or of a line with instants of its own.
function pointsOf(line) {
  if (line.at) return line.at.map((t, k) => [t, line.values[k]]);
  return line.values.map((value, k) => [centre(k), value]);
}

function extent(spec) {
  let low = Infinity, high = -Infinity;
  const add = (t, value) => {
    if (value === null || t < view.from - STEP || t > view.to + STEP) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  spec.lines.forEach((line) => pointsOf(line).forEach(([t, value]) => add(t, value)));
  if (spec.band) spec.band.values.forEach((side) => pointsOf({ at: spec.band.at, values: side }).forEach(([t, value]) => add(t, value)));
  if (spec.zero) add((view.from + view.to) / 2, 0);
  if (low > high) return [0, 1];
  const least = spec.least || 1e-6;
  const room = Math.max(high - low, least) * 0.07;
  return high - low < least ? [(low + high - least) / 2, (low + high + least) / 2] : [low - room, high + room];
}

function drawBand(g, scale, y, band) {
  const [lows, highs] = band.values.map((side) => pointsOf({ at: band.at, values: side }));
  const most = band.at ? Infinity : 3.5 * STEP;
  let run = [];
  const close = () => {
    if (run.length) {
      const half = run.length === 1 && !band.at ? (scale.x(STEP) - scale.x(0)) / 2 : 0;
      g.beginPath();
      run.forEach((k, i) => g[i ? "lineTo" : "moveTo"](scale.x(lows[k][0]) - half, y(lows[k][1])));
      run.slice().reverse().forEach((k) => g.lineTo(scale.x(highs[k][0]) + half, y(highs[k][1])));
      g.closePath();
      g.fillStyle = band.colour || BAND;
      g.fill();
    }
    run = [];
  };
  lows.forEach(([t, low], k) => {
    if (low === null || highs[k][1] === null) return;
    if (run.length && t - lows[run[run.length - 1]][0] > most) close();
    run.push(k);
  });
  close();
}

function drawLine(g, scale, y, line) {
  const most = line.at ? Infinity : 3.5 * STEP;
  let before = null;
  g.strokeStyle = g.fillStyle = line.colour;
  g.lineWidth = line.width || 1.8;
  g.setLineDash(line.dash || []);
  g.lineJoin = "round";
  const runs = [];
  pointsOf(line).forEach(([t, value]) => {
    if (value === null) return;
    if (before === null || t - before > most) runs.push([]);
    runs[runs.length - 1].push([scale.x(t), y(value)]);
    before = t;
  });
  g.beginPath();
  runs.forEach((run) => run.forEach(([x, height], k) => g[k ? "lineTo" : "moveTo"](x, height)));
  g.stroke();
  g.setLineDash([]);
  // What stands alone would be a speck: a charge of an hour a day is dots.
  runs.filter((run) => run.length <= 2).flat().forEach(([x, height]) => {
    g.beginPath();
    g.arc(x, height, 2.6, 0, 2 * Math.PI);
    g.fill();
  });
}

function clipped(g, scale, top, bottom, draw) {
  g.save();
  g.beginPath();
  g.rect(scale.left, top - 1, scale.right - scale.left, bottom - top + 2);
  g.clip();
  draw();
  g.restore();
}

// When a warning was raised to a level: a dashed line and its name; where there is no room for all names, the most urgent one.
function drawLevels(g, scale, top, bottom, levels) {
  const rank = Object.keys(LEVELS);
  let end = -Infinity;
  levels.forEach(([from, , level], k) => {
    if (from < view.from || from > view.to) return;
    const x = scale.x(from), text = D.words["level." + level];
    g.strokeStyle = g.fillStyle = LEVELS[level];
    g.lineWidth = 1.5;
    g.setLineDash([5, 3]);
    g.beginPath();
    g.moveTo(x, top);
    g.lineTo(x, bottom);
    g.stroke();
    g.setLineDash([]);
    const width = g.measureText(text).width;
    const left = x + width + 8 > scale.right;
    const begin = left ? x - 4 - width : x + 4;
    const isHidden = levels.slice(k + 1).some(([next, , other]) => {
      return rank.indexOf(other) > rank.indexOf(level) && scale.x(next) - x < width + 8 && next <= view.to;
    });
    if (begin < end + 4 || isHidden) return;
    g.textAlign = "left";
    const colour = g.fillStyle;
    g.fillStyle = "rgba(255, 255, 255, .85)";
    g.fillRect(begin - 2, top + 1, width + 4, 15);
    g.fillStyle = colour;
    g.fillText(text, begin, top + 8);
    end = begin + width;
  });
}

function legendOf(parent, spec) {
  const box = make("div", parent, undefined, "legend");
  spec.lines.forEach((line) => {
    const item = make("span", box);
    const key = make("span", item, undefined, "key " + (line.dash ? "dashed" : "line"));
    key.style.borderColor = line.colour;
    item.append(line.label);
  });
  if (spec.band) {
    const item = make("span", box);
    make("span", item, undefined, "key").style.background = spec.band.colour || BAND;
    item.append(spec.band.label);
  }
}

function nearest(points, t, most) {
  let best = null;
  points.forEach(([at, value]) => {
    if (value !== null && Math.abs(at - t) <= most && (best === null || Math.abs(at - t) < Math.abs(best[0] - t))) best = [at, value];
  });
  return best;
}

function lineChart(parent, spec) {
  const box = make("div", parent, undefined, "panel");
  if (spec.title) make("h4", box, spec.title);
  legendOf(box, spec);
  const height = spec.height || 210;
  const node = canvas(box, height);
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", (spec.title ? spec.title + ": " : "") + spec.label);
  const places = spec.digits === undefined ? 1 : spec.digits;
  pointing(node, (t) => {
    const said = spec.lines.map((line) => {
      const found = nearest(pointsOf(line), t, line.at ? Infinity : STEP / 2);
      return found ? line.label + ": " + digits(found[1], places) : "";
    });
    if (spec.band) {
      const ends = spec.band.values.map((side) => nearest(pointsOf({ at: spec.band.at, values: side }), t, spec.band.at ? Infinity : STEP / 2));
      if (ends[0] && ends[1]) said.push(spec.band.label + ": " + digits(ends[0][1], places) + " … " + digits(ends[1][1], places));
    }
    const lines = said.filter(Boolean);
    return lines.length ? [momentText(t), ...lines].join("\n") : "";
  });
  drawers.push(() => {
    const [g, width] = brush(node, height);
    const scale = scaleX(width), top = 6, bottom = height - 42;
    const [low, high] = extent(spec);
    const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
    timeAxis(g, scale, top, bottom, true);
    valueAxis(g, scale, y, low, high, spec.label, 5);
    clipped(g, scale, top, bottom, () => {
      if (spec.band) drawBand(g, scale, y, spec.band);
      spec.lines.forEach((line) => drawLine(g, scale, y, line));
    });
    drawLevels(g, scale, top, bottom, spec.levels || []);
    marks(g, scale, top, bottom);
  });
}
