// Sessions: a row for each bay, a bar for each stay, coloured by power. Only what is on the screen is drawn.

const ROW = 19;
const AXIS = 40;
const gantt = document.getElementById("gantt");
const board = gantt.querySelector("canvas");
const spacer = gantt.querySelector(".spacer");
const S = D.sessions;

// Bays that have a session, in the order of the scenario; the sessions of each by arrival.
const bays = [];
const rowOfBay = new Map();
[...new Set(S.evse)].sort((a, b) => a - b).forEach((evse) => { rowOfBay.set(evse, bays.length); bays.push({ evse, sessions: [] }); });
S.id.forEach((id, k) => bays[rowOfBay.get(S.evse[k])].sessions.push(k));

const decoded = new Map();

// [from, to, kW, reason] of every stretch of a session under a policy.
function stretches(policy, session) {
  const key = policy + "/" + session;
  if (!decoded.has(key)) {
    let k = S.first[session];
    decoded.set(key, D.policies[policy].runs[session].split(";").map((text) => {
      const [count, tenths, reason] = text.split(",").map(Number);
      const from = D.start + k * D.step;
      k += count;
      return [Math.max(from, S.arrival[session]), Math.min(D.start + k * D.step, S.departure[session]), tenths / 10, reason];
    }));
  }
  return decoded.get(key);
}

function stretchAt(policy, session, t) {
  const all = stretches(policy, session);
  return all.find((one) => t < one[1]) || all[all.length - 1];
}

// Light to dark blue for charging, orange for discharging: told apart by lightness alone, too.
function shade(share) {
  const a = [222, 236, 246], b = [0, 58, 112], f = Math.pow(Math.min(1, share), 0.8);
  return "rgb(" + a.map((low, i) => Math.round(low + (b[i] - low) * f)).join(",") + ")";
}

const GIVE = "#E69F00", IDLE = "#f3f4f6";

function fill(kw, rating) {
  if (kw < -0.05) return GIVE;
  return kw < 0.05 ? IDLE : shade(kw / rating);
}

const head = document.getElementById("gantt-controls");
const chooser = make("label", head, D.words.policy + " ");
const choice = make("select", chooser);
D.policies.forEach((policy, k) => { make("option", choice, policy.label).value = k; });
choice.addEventListener("change", () => {
  view.policy = Number(choice.value);
  explain();
  redraw();
});
const key = make("span", head, undefined, "legend");
const ramp = make("span", key, "0");
make("i", ramp, undefined, "ramp").style.background = "linear-gradient(90deg," + [0, 0.25, 0.5, 0.75, 1].map(shade).join(",") + ")";
ramp.append("100 % – " + D.words.scale);
[["waiting", IDLE], ["giving", GIVE]].forEach(([name, colour]) => {
  if (name === "giving" && !usedLayers.has("given")) return;
  const item = make("span", key);
  const box = make("i", item, undefined, "key");
  box.style.background = colour;
  box.style.border = "1px solid #9aa5b1";
  item.append(D.words[name]);
});

function drawStay(g, scale, session, y) {
  const from = scale.x(S.arrival[session]), to = scale.x(S.departure[session]);
  const rating = D.evse[S.evse[session]][1] || 1;
  stretches(view.policy, session).forEach(([start, end, kw]) => {
    g.fillStyle = fill(kw, rating);
    const x = scale.x(start);
    g.fillRect(x, y + 2, Math.max(scale.x(end) - x, 0.5) + 0.3, ROW - 5);
  });
  const chosen = session === view.session;
  g.strokeStyle = chosen ? "#D55E00" : "#8794a1";
  g.lineWidth = chosen ? 2.5 : 0.7;
  g.strokeRect(from, y + 2, Math.max(to - from, 1), ROW - 5);
}

function drawGantt() {
  const full = Math.max(bays.length, 3) * ROW;
  const height = Math.min(full, (narrow() ? 420 : 600) - AXIS - 4) + AXIS;
  spacer.style.height = Math.max(0, full + AXIS - height) + "px";
  const [g, width] = brush(board, height);
  g.fillStyle = "#fff";
  g.fillRect(0, 0, width, height);
  const scale = scaleX(width);
  const bottom = height - AXIS;
  timeAxis(g, scale, 0, bottom, true);
  let seen = 0;
  const first = Math.floor(gantt.scrollTop / ROW);
  g.save();
  g.beginPath();
  g.rect(0, 0, width, bottom);
  g.clip();
  for (let row = first; row < bays.length && (row - first - 1) * ROW < bottom; row++) {
    const y = row * ROW - gantt.scrollTop;
    g.save();
    g.beginPath();
    g.rect(scale.left, 0, scale.right - scale.left, bottom);
    g.clip();
    bays[row].sessions.forEach((session) => {
      if (S.departure[session] <= view.from || S.arrival[session] >= view.to) return;
      drawStay(g, scale, session, y);
      seen++;
    });
    g.restore();
    g.fillStyle = SOFT;
    g.textAlign = "right";
    g.fillText(shortened(g, D.evse[bays[row].evse][0], scale.left - 8), scale.left - 6, y + ROW / 2);
  }
  marks(g, scale, 0, bottom);
  g.restore();
  if (!seen) {
    g.fillStyle = INK;
    g.textAlign = "center";
    g.fillText(D.words.nothing, width / 2, Math.max(12, bottom / 2));
  }
}

function shortened(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  let n = text.length;
  while (n > 1 && g.measureText("…" + text.slice(-n)).width > room) n--;
  return "…" + text.slice(-n);
}

function sessionAt(t, event) {
  const y = event.clientY - board.getBoundingClientRect().top + gantt.scrollTop;
  const bay = bays[Math.floor(y / ROW)];
  if (!bay || event.clientX - board.getBoundingClientRect().left < leftMargin()) return -1;
  const found = bay.sessions.find((session) => S.arrival[session] <= t && t < S.departure[session]);
  return found === undefined ? -1 : found;
}

function choose(session, t) {
  view.session = session;
  view.moment = Math.min(Math.max(t, S.arrival[session]), S.departure[session] - 1);
  explain();
  redraw();
}

pointing(board, (t, event) => {
  const session = sessionAt(t, event);
  if (session < 0) return "";
  const [, , kw, reason] = stretchAt(view.policy, session, t);
  return [S.id[session], momentText(t) + ": " + digits(kw, 1) + " kW", reasonText(reason)].join("\n");
}, (t, event) => {
  const session = sessionAt(t, event);
  if (session >= 0) choose(session, t);
});
gantt.addEventListener("scroll", redraw);

// Arrow keys: left and right move the moment, up and down the session.
gantt.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!way || !S.id.length) return;
  event.preventDefault();
  if (view.session < 0) return choose(firstChoice(), S.arrival[firstChoice()]);
  if (way[0]) return choose(view.session, view.moment + way[0] * D.step);
  const next = Math.min(Math.max(view.session + way[1], 0), S.id.length - 1);
  choose(next, S.arrival[next]);
});

drawers.push(drawGantt);
