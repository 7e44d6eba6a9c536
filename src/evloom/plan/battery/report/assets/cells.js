// The map of all cells over time, the charts of each warning, and what the pack did meanwhile.

const KINDS = ["all", "rest", "charge", "discharge"].filter((kind) => D.maps[kind]);
const COLOURS = { all: BLACK, rest: GREEN, charge: BLUE, discharge: VERMILION };
const NO_READING = "#dfe3e7";

// A text that comes in each language.
function spoken(texts) {
  return texts[root.lang];
}

const unpacked = {};
KINDS.forEach((kind) => {
  const text = atob(D.maps[kind]);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  unpacked[kind] = new Int16Array(bytes.buffer);
});

// Deviation of a cell in a bin in mV, null where there is none.
function deviation(kind, cell, k) {
  const value = unpacked[kind][cell * D.n + k];
  return value === -32768 ? null : value / 10;
}

function cellLine(kind, cell) {
  const values = [];
  for (let k = 0; k < D.n; k++) values.push(deviation(kind, cell, k));
  return values;
}

// Blue below the pack, white like it, orange above: told apart by who sees no red or no green, too.
const LOW = [[5, 48, 97], [67, 147, 195], [247, 247, 247]], HIGH = [[247, 247, 247], [241, 163, 64], [127, 59, 8]];

function shade(mv) {
  const share = Math.max(-1, Math.min(1, mv / D.limit));
  const [ramp, at] = share < 0 ? [LOW, 2 * (1 + share)] : [HIGH, 2 * share];
  const k = Math.min(1, Math.floor(at)), f = at - k;
  return [0, 1, 2].map((i) => Math.round(ramp[k][i] + (ramp[k + 1][i] - ramp[k][i]) * f));
}

function mapImage(kind) {
  const board = document.createElement("canvas");
  board.width = D.n;
  board.height = D.n_cell;
  const g = board.getContext("2d"), image = g.createImageData(D.n, D.n_cell);
  for (let cell = 0; cell < D.n_cell; cell++) {
    for (let k = 0; k < D.n; k++) {
      const mv = deviation(kind, cell, k), at = 4 * (cell * D.n + k);
      const colour = mv === null ? [223, 227, 231] : shade(mv);
      image.data.set([...colour, 255], at);
    }
  }
  g.putImageData(image, 0, 0);
  return board;
}

let kind = KINDS.includes(D.first) ? D.first : KINDS[0];
const images = {};

function buildMap() {
  const heatBox = document.getElementById("heat");
  if (!heatBox || !KINDS.length) return;
  const controls = document.getElementById("map-controls");
  const choice = make("select", make("label", controls, D.words.show + " "));
  KINDS.forEach((name) => { make("option", choice, D.words["kind." + name]).value = name; });
  choice.value = kind;
  choice.addEventListener("change", () => {
    kind = choice.value;
    redraw();
  });
  make("button", controls, D.words.reset).addEventListener("click", () => setWindow(D.start, END));
  const key = make("span", controls, undefined, "legend");
  const item = make("span", key);
  item.append("−" + digits(D.limit, 0) + " ");
  const ramp = make("span", item, undefined, "ramp");
  ramp.style.background = "linear-gradient(to right, " + [-1, -0.5, 0, 0.5, 1].map((s) => "rgb(" + shade(s * D.limit).join(",") + ")").join(", ") + ")";
  item.append(" +" + digits(D.limit, 0) + " mV");
  const none = make("span", key);
  make("span", none, undefined, "key").style.background = NO_READING;
  none.append(D.words["no-reading"]);
  make("span", key, say("saturated", { limit: digits(D.limit, 0) }));

  const rowHeight = Math.max(2, Math.min(5, Math.round(430 / D.n_cell)));
  const lanes = D.warnings.filter((one) => one.levels.length).length;
  const top = 8 + 18 * lanes, height = top + rowHeight * D.n_cell + 42;
  const node = canvas(heatBox, height);
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", document.querySelector("#map h2").textContent);
  pointing(node, (t, event) => {
    const cell = Math.floor((event.clientY - node.getBoundingClientRect().top - top) / rowHeight);
    const k = Math.floor((t - D.start) / STEP);
    if (cell < 0 || cell >= D.n_cell || k < 0 || k >= D.n) return "";
    const mv = deviation(kind, cell, k);
    const span = momentText(D.start + k * STEP) + " – " + momentText(D.start + (k + 1) * STEP);
    return ["V_" + (cell + 1), span, D.words.deviation + ": " + (mv === null ? D.words["no-reading"] : digits(mv, 1) + " mV")].join("\n");
  });

  // A lane for each warning: how urgent it was when.
  const lane = (g, scale, one, row) => {
    const y = 2 + 18 * row;
    one.levels.forEach(([from, to, level]) => {
      const a = Math.max(scale.left, scale.x(from)), b = Math.min(scale.right, scale.x(to));
      if (b <= a) return;
      g.fillStyle = LEVELS[level];
      g.fillRect(a, y, Math.max(b - a, 2), 13);
      const text = D.words["level." + level];
      if (g.measureText(text).width + 8 < b - a) {
        g.fillStyle = level === "watch" ? "#201500" : "#ffffff";
        g.textAlign = "left";
        g.fillText(text, a + 4, y + 7);
      }
    });
    g.fillStyle = INK;
    g.textAlign = "right";
    g.fillText(one.cell === null && one.probe === null ? D.words.pack : one.name, scale.left - 6, y + 7);
  };

  const cellAxis = (g, scale, bottom) => {
    const named = D.warnings.filter((one) => one.cell !== null).map((one) => one.cell);
    const every = [1, 2, 5, 10, 20, 50, 100].find((step) => step * rowHeight >= 22) || 100;
    g.textAlign = "right";
    for (let cell = 0; cell < D.n_cell; cell += 1) {
      const y = top + (cell + 0.5) * rowHeight;
      const tick = cell === 0 || (cell + 1) % every === 0;
      const near = named.some((other) => other !== cell && Math.abs(other - cell) * rowHeight < 13);
      if (!named.includes(cell) && (!tick || near)) continue;
      g.fillStyle = named.includes(cell) ? VERMILION : SOFT;
      g.fillText((named.includes(cell) ? "▸ " : "") + "V_" + (cell + 1), scale.left - 5, y);
    }
    g.strokeStyle = "#8d98a4";
    g.lineWidth = 1;
    g.strokeRect(scale.left + 0.5, top + 0.5, scale.right - scale.left - 1, bottom - top - 1);
  };

  drawers.push(() => {
    const [g, width] = brush(node, height);
    const scale = scaleX(width), bottom = top + rowHeight * D.n_cell;
    timeAxis(g, scale, top, bottom, true);
    images[kind] = images[kind] || mapImage(kind);
    g.imageSmoothingEnabled = false;
    clipped(g, scale, top, bottom, () => {
      g.drawImage(images[kind], scale.x(D.start), top, scale.x(END) - scale.x(D.start), bottom - top);
    });
    D.warnings.filter((one) => one.levels.length).forEach((one, row) => lane(g, scale, one, row));
    cellAxis(g, scale, bottom);
    marks(g, scale, 2, bottom);
  });
}

// ---- the charts of each warning

function cellChart(parent, one) {
  const kinds = KINDS.length > 1 ? KINDS.filter((kind) => kind !== "all") : KINDS;
  const shown = kinds.filter((kind) => cellLine(kind, one.cell).some((value) => value !== null));
  if (!shown.length) return;
  const band = D.bands.rest || D.bands.all;
  lineChart(parent, {
    title: say("cell", { name: one.name }),
    label: D.words["deviation-axis"],
    lines: shown.map((kind) => ({ label: D.words["kind." + kind], colour: COLOURS[kind], values: cellLine(kind, one.cell) })),
    band: { values: band, label: D.words.band + (D.bands.rest ? " (" + D.words["kind.rest"] + ")" : "") },
    zero: true, least: 2, height: 250, levels: one.levels,
  });
}

function evidenceChart(parent, one) {
  const units = [...new Set(one.evidence.map((line) => spoken(line.unit)))];
  const colours = [VERMILION, BLUE, GREEN, BLACK];
  units.forEach((unit) => {
    const all = one.evidence.filter((line) => spoken(line.unit) === unit && line.at.length);
    const lines = all.filter((line) => !line.side), low = all.find((line) => line.side === "low"), high = all.find((line) => line.side === "high");
    if (!lines.length) return;
    lineChart(parent, {
      title: D.words.evidence,
      label: unit,
      lines: lines.map((line, k) => ({ label: spoken(line.name), at: line.at, values: line.value, colour: colours[k % colours.length] })),
      band: low && high ? { at: low.at, values: [low.value, high.value], label: D.words.band } : undefined,
      least: 1e-4, digits: 4, height: 190, levels: one.levels,
    });
  });
}

function warmthSpec(probe, name, levels) {
  const lines = [{ label: D.words.warmth, colour: BLACK, values: D.warmth[1] }];
  if (probe) lines.push({ label: say("probe", { name }), colour: VERMILION, values: probe });
  return {
    label: D.words["warmth-axis"], lines, least: 2, levels,
    band: { values: [D.warmth[0], D.warmth[2]], label: D.words["warmth-range"] },
  };
}

function buildWarning(parent) {
  const one = D.warnings[Number(parent.dataset.warning)];
  if (one.cell !== null && KINDS.length) cellChart(parent, one);
  if (one.probe !== null) lineChart(parent, { ...warmthSpec(D.probes[one.probe], one.name, one.levels), height: 230 });
  if (one.figure) {
    lineChart(parent, {
      label: D.words[one.figure + "-axis"], lines: [{ label: D.words[one.figure], colour: VERMILION, values: D.figures[one.figure] }],
      zero: true, digits: one.figure === "insulation" ? 0 : 2, levels: one.levels,
    });
  }
  evidenceChart(parent, one);
}

// ---- what the pack did meanwhile, and its health

function buildContext(context) {
  const some = (values) => values.some((value) => value !== null);
  if (some(D.warmth[1])) lineChart(context, { ...warmthSpec(null, "", []), height: 180 });
  if (some(D.current[1])) {
    lineChart(context, {
      label: D.words["current-axis"], lines: [{ label: D.words.current, colour: BLUE, values: D.current[1] }],
      band: { values: [D.current[0], D.current[2]], label: D.words.range }, zero: true, least: 2, height: 180,
    });
  }
  if (some(D.soc)) {
    lineChart(context, { label: D.words["soc-axis"], lines: [{ label: D.words.soc, colour: GREEN, values: D.soc }], least: 5, height: 180 });
  }
}

function buildTrend(trend) {
  const at = D.trend.map((one) => one[0]);
  const column = (k) => D.trend.map((one) => one[k]);
  lineChart(trend, {
    label: D.words["soh-axis"], lines: [{ label: D.words.soh, colour: BLUE, at, values: column(2) }],
    band: { values: [column(1), column(3)], at, label: D.words["soh-range"], colour: "rgba(86, 180, 233, .3)" }, least: 2, height: 220,
  });
}

// ---- all of it, and again in the other language

function build() {
  const words = D.texts[root.lang];
  const isLong = END - D.start > 300 * DAY;
  D.words = isLong ? { ...words, date: words["long-date"], "short-date": words["long-short-date"] } : words;
  drawers.length = 0;
  document.querySelectorAll(".plots, #map-controls, #heat, #context-plots, #trend").forEach((box) => box.replaceChildren());
  document.querySelectorAll(".plots").forEach(buildWarning);
  buildMap();
  buildContext(document.getElementById("context-plots"));
  const trend = document.getElementById("trend");
  if (trend) buildTrend(trend);
  redraw();
}

document.addEventListener("language", build);
speak(TAGS[location.hash] || root.lang);
