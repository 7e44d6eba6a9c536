// Every cell of a kind from best to worst: its state of health, where it lies in 8 of 10, its grade, and what pulses alone would have said.

const GRADES = { A: "#009E73", B: "#0072B2", C: "#B07C00", D: "#D55E00", E: "#5b0a0a" };
const ALONE = "#8d98a4";

function drawCells(node, cells) {
  const height = 300, top = 8, bottom = height - 34;
  const [g, width] = brush(node, height);
  const left = leftMargin(), right = width - 34;
  const all = cells.flatMap((one) => [...one.soh, ...(one.alone ? [one.alone[1]] : [])]);
  const low = Math.floor(Math.min(...all) - 1), high = Math.ceil(Math.max(...all) + 1);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const gap = (right - left) / cells.length;
  const x = (k) => left + (k + 0.5) * gap;
  valueAxis(g, { left, right }, y, low, high, D.words["cell-soh-axis"], 5);
  D.ends.forEach(([name, end]) => {
    if (end <= low || end >= high) return;
    g.strokeStyle = g.fillStyle = GRADES[name] || SOFT;
    g.setLineDash([5, 4]);
    g.beginPath();
    g.moveTo(left, y(end));
    g.lineTo(right, y(end));
    g.stroke();
    g.setLineDash([]);
    g.textAlign = "left";
    g.fillText("≥ " + name, right + 4, y(end));
  });
  cells.forEach((one, k) => {
    if (one.alone) {
      g.fillStyle = ALONE;
      g.fillRect(x(k) - Math.max(1, gap / 3), y(one.alone[1]) - 1, Math.max(2, (2 * gap) / 3), 2);
    }
    g.strokeStyle = g.fillStyle = GRADES[one.grade] || INK;
    g.lineWidth = Math.max(1, Math.min(3, gap / 2.5));
    g.beginPath();
    g.moveTo(x(k), y(one.soh[0]));
    g.lineTo(x(k), y(one.soh[2]));
    g.stroke();
    g.beginPath();
    g.arc(x(k), y(one.soh[1]), Math.max(1.5, Math.min(4, gap / 2.2)), 0, 2 * Math.PI);
    g.fill();
  });
  g.fillStyle = SOFT;
  g.textAlign = "center";
  g.fillText(say("cell-axis", { n: cells.length }), (left + right) / 2, bottom + 18);
}

function tellCell(node, cells, event) {
  const box = node.getBoundingClientRect();
  const left = leftMargin(), right = node.clientWidth - 34;
  const one = cells[Math.floor(((event.clientX - box.left - left) / (right - left)) * cells.length)];
  if (!one) return showTip(event, "");
  const span = (three) => digits(three[1], 1) + " % (" + digits(three[0], 1) + " – " + digits(three[2], 1) + ")";
  const lines = [one.cell, D.words["cell-grade"] + " " + one.grade, D.words["cell-soh"] + ": " + span(one.soh)];
  if (one.alone) lines.push(D.words["cell-alone"] + ": " + span(one.alone));
  return showTip(event, lines.join("\n"));
}

function build() {
  D.words = D.texts[root.lang];
  drawers.length = 0;
  document.querySelectorAll(".cells").forEach((box) => {
    box.replaceChildren();
    const cells = D.kinds[box.dataset.kind] || [];
    if (!cells.length) return;
    const legend = make("div", box, undefined, "legend");
    [...new Set(cells.map((one) => one.grade))].forEach((name) => {
      const item = make("span", legend);
      make("span", item, undefined, "key").style.background = GRADES[name] || INK;
      item.append(D.words["cell-grade"] + " " + name);
    });
    if (cells.some((one) => one.alone)) {
      const item = make("span", legend);
      make("span", item, undefined, "key line").style.borderColor = ALONE;
      item.append(D.words["cell-alone"]);
    }
    const node = canvas(box, 300);
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", D.words["cell-soh-axis"] + ", " + box.dataset.kind);
    node.addEventListener("pointermove", (event) => tellCell(node, cells, event));
    node.addEventListener("pointerleave", (event) => showTip(event, ""));
    drawers.push(() => drawCells(node, cells));
  });
  redraw();
}

document.addEventListener("language", build);
speak(TAGS[location.hash] || root.lang);
