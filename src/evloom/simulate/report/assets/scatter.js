// Energy delivered against wanted, a small chart for each policy; then the first drawing of the page.

const scatter = make("div", document.getElementById("scatter"), undefined, "scatter-grid");
const topEnergy = Math.max(1, S.wanted.reduce((a, b) => Math.max(a, b), 0)) * 1.05;

D.policies.forEach((policy, number) => {
  const box = make("div", scatter);
  const title = make("h4", box);
  make("span", title, undefined, "dot").style.background = policy.colour;
  title.append(policy.label);
  const node = canvas(box, 210);
  const place = () => {
    const left = 54, right = node.clientWidth - 10, top = 8, bottom = 168;
    return {
      left, right, top, bottom,
      x: (value) => left + (value / topEnergy) * (right - left),
      y: (value) => bottom - (Math.max(0, value) / topEnergy) * (bottom - top),
    };
  };
  const isShort = (k) => S.wanted[k] - policy.got[k] > 0.01;
  drawers.push(() => {
    const [g] = brush(node, 210);
    const p = place();
    valueAxis(g, p, p.y, 0, topEnergy, D.words["got-axis"], 4);
    const step = niceStep(topEnergy, 4);
    g.textAlign = "center";
    for (let value = 0; value <= topEnergy; value += step) g.fillText(digits(value, step < 1 ? 1 : 0), p.x(value), p.bottom + 11);
    g.fillText(D.words["wanted-axis"], (p.left + p.right) / 2, p.bottom + 29);
    g.strokeStyle = "#8d98a4";
    g.beginPath();
    g.moveTo(p.x(0), p.y(0));
    g.lineTo(p.x(topEnergy), p.y(topEnergy));
    g.stroke();
    [false, true].forEach((short) => {
      g.fillStyle = short ? "#D55E00" : "rgba(0, 114, 178, .45)";
      S.id.forEach((id, k) => {
        if (isShort(k) !== short) return;
        g.beginPath();
        g.arc(p.x(S.wanted[k]), p.y(policy.got[k]), short ? 3 : 2.2, 0, 7);
        g.fill();
      });
    });
    if (view.session >= 0) {
      g.strokeStyle = INK;
      g.lineWidth = 2;
      g.beginPath();
      g.arc(p.x(S.wanted[view.session]), p.y(policy.got[view.session]), 5.5, 0, 7);
      g.stroke();
    }
  });
  const nearest = (event) => {
    const rect = node.getBoundingClientRect(), p = place();
    let best = -1, least = 100;
    S.id.forEach((id, k) => {
      const d = (p.x(S.wanted[k]) - event.clientX + rect.left) ** 2 + (p.y(policy.got[k]) - event.clientY + rect.top) ** 2;
      if (d < least) [best, least] = [k, d];
    });
    return best;
  };
  node.addEventListener("pointermove", (event) => {
    const k = nearest(event);
    const wanted = D.words["wanted-axis"] + ": ", got = D.words["got-axis"] + ": ";
    showTip(event, k < 0 ? "" : [S.id[k], momentText(S.arrival[k]), wanted + digits(S.wanted[k], 1), got + digits(policy.got[k], 1)].join("\n"));
  });
  node.addEventListener("pointerleave", () => showTip(null, ""));
  node.addEventListener("click", (event) => {
    const k = nearest(event);
    if (k < 0) return;
    view.policy = number;
    choice.value = String(number);
    const middle = (S.arrival[k] + S.departure[k]) / 2, half = Math.max(view.to - view.from, S.departure[k] - S.arrival[k]) / 2;
    setWindow(middle - half, middle + half);
    choose(k, middle);
    document.getElementById("gantt-section").scrollIntoView({ behavior: "smooth" });
  });
});

setWindow(...firstWindow());
view.policy = preferred();
choice.value = String(view.policy);
if (S.id.length) {
  const first = firstChoice();
  const waits = stretches(view.policy, first).find((one) => one[2] < 0.05) || stretches(view.policy, first)[0];
  choose(first, (waits[0] + waits[1]) / 2);
} else explain();
