// Prices of the nodes as a map: a row for each node, a column for each step, classes of colour.

function sharp(value) {
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

function priceColour(value) {
  if (!value) return null;
  const size = Math.abs(value), colours = value > 0 ? D.prices.warm : D.prices.cold;
  let number = D.prices.breaks.findIndex((end) => size <= end * (1 + 1e-9));
  if (number < 0) number = D.prices.breaks.length - 1;
  return colours[number];
}

function fitted(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  let tail = text;
  while (tail.length > 1 && g.measureText("…" + tail).width > room) tail = tail.slice(1);
  return "…" + tail;
}

if (D.prices) {
  const P = D.prices, count = P.id.length;
  const legend = document.getElementById("price-legend");
  const swatch = (colour, text) => {
    const item = make("span", legend, undefined, "swatch");
    make("i", item).style.background = colour;
    item.append(text);
  };
  swatch("#ffffff", D.words["no-price"]);
  [["warm", "more-import", ""], ["cold", "more-export", "−"]].forEach(([name, key, sign]) => {
    if (!P[name].length) return;
    make("strong", legend, D.words[key] + ", " + say("price-axis", D) + ":");
    P.breaks.forEach((end, k) => swatch(P[name][k], (k ? sign + sharp(P.breaks[k - 1]) + " … " : "… ") + sign + sharp(end)));
  });
  const rowHeight = Math.max(count > 100 ? 4 : 6, Math.min(18, Math.round(640 / count)));
  const height = 6 + rowHeight * count + 42;
  const node = canvas(document.getElementById("price-map"), height);
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", document.querySelector("#prices h2").textContent);
  const rowAt = (event) => Math.floor((event.clientY - node.getBoundingClientRect().top - 6) / rowHeight);
  pointing(node, (t, event) => {
    const row = rowAt(event), k = stepAt(t);
    if (row < 0 || row >= count) return "";
    const value = at(P.values[row], k);
    return [P.id[row], momentText(edge(k)), D.words.price + ": " + (value ? sharp(value) + " " + say("price-axis", D) : D.words["no-price"])].join("\n");
  });
  drawers.push(() => {
    const [g, width] = brush(node, height);
    const scale = scaleX(width), bottom = 6 + rowHeight * count;
    timeAxis(g, scale, 6, bottom, true);
    const [first, last] = inView();
    const place = (t) => Math.min(scale.right, Math.max(scale.left, scale.x(t)));
    P.values.forEach((values, row) => {
      const top = 6 + row * rowHeight;
      for (let k = first, next; k < last; k = next) {
        const colour = priceColour(at(values, k));
        for (next = k + 1; next < last && priceColour(at(values, next)) === colour; next++);
        if (!colour) continue;
        g.fillStyle = colour;
        g.fillRect(place(edge(k)), top, place(edge(next)) - place(edge(k)) + 0.3, rowHeight - (rowHeight > 7 ? 1 : 0));
      }
    });
    g.textAlign = "right";
    g.fillStyle = SOFT;
    g.font = "11px system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif";
    const every = Math.ceil(13 / rowHeight);
    for (let row = 0; row < count; row += every) g.fillText(fitted(g, P.id[row], scale.left - 8), scale.left - 5, 6 + (row + 0.5) * rowHeight);
    g.strokeStyle = "#8d98a4";
    g.lineWidth = 1;
    g.strokeRect(scale.left + 0.5, 6.5, scale.right - scale.left - 1, bottom - 7);
    marks(g, scale, 6, bottom);
  });
}
