// A session at a moment, in words: power, what binds and from which source, and what the policy saves.

const told = document.getElementById("explain-body");

function reasonText(reason) {
  return reason >= 0 ? say("reason.node", { source: D.nodes[reason] }) : D.words["reason." + reason];
}

function priceText(session, t) {
  const first = Math.floor((S.arrival[session] - D.start) / STEP);
  const last = Math.min(D.n - 1, Math.floor((S.departure[session] - 1 - D.start) / STEP));
  const during = D.price.slice(first, last + 1);
  if (!during.length) return "";
  const low = during.reduce((a, b) => Math.min(a, b)), high = during.reduce((a, b) => Math.max(a, b));
  if (high - low < 1e-9) return "";
  const now = D.price[Math.min(D.n - 1, Math.floor((t - D.start) / STEP))];
  return say("price-now", { now: digits(now, 4), low: digits(low, 4), high: digits(high, 4), currency: D.currency });
}

function savingText(session) {
  const policy = D.policies[view.policy], base = D.policies[baseline()];
  const cost = policy.cost[session];
  const values = { cost: digits(cost, 2), currency: D.currency, policy: policy.label };
  if (!base || base === policy) return say("cost-alone", values);
  values.base = base.label;
  values.other = digits(base.cost[session], 2);
  values.saved = digits(Math.abs(base.cost[session] - cost), 2) + " " + D.currency;
  const gap = base.cost[session] - cost;
  const main = say(Math.abs(gap) < 0.005 ? "same" : gap > 0 ? "saves" : "costs", values);
  const less = base.got[session] - policy.got[session];
  return Math.abs(less) < 0.05 ? main : main + " " + say(less > 0 ? "less-energy" : "more-energy", { kwh: digits(Math.abs(less), 1) });
}

function everyPolicy(session, t) {
  const table = make("table", make("div", told, undefined, "scroll"));
  const top = make("tr", make("thead", table));
  ["policy", "energy", "cost", "power-now", "why"].forEach((name) => make("th", top, say(name, D)));
  const body = make("tbody", table);
  D.policies.forEach((policy, k) => {
    const row = make("tr", body);
    const [, , kw, reason] = stretchAt(k, session, t);
    const name = make("th", row);
    name.scope = "row";
    make("span", name, undefined, "dot").style.background = policy.colour;
    name.append(policy.label);
    [digits(policy.got[session], 1), digits(policy.cost[session], 2), digits(kw, 1), reasonText(reason)].forEach((text) => make("td", row, text));
  });
}

function explain() {
  told.textContent = "";
  const session = view.session;
  if (session < 0) {
    make("p", told, S.id.length ? D.words.pick : D.words.nothing);
    return;
  }
  const policy = D.policies[view.policy];
  const t = view.moment;
  const [, , kw, reason] = stretchAt(view.policy, session, t);
  const [bay, rating] = D.evse[S.evse[session]];
  make("p", told, policy.label + " · " + momentText(t) + " · " + digits(kw, 1) + " kW – " + reasonText(reason), "now");
  make("p", told, S.id[session] + " – " + say("stay", {
    evse: bay, arrival: momentText(S.arrival[session]), departure: momentText(S.departure[session]),
    wanted: digits(S.wanted[session], 1), got: digits(policy.got[session], 1),
  }));
  const facts = [say("rating", { pile: digits(rating, 1), car: digits(S.most[session], 1) }), priceText(session, t)].filter((text) => text);
  make("p", told, facts.join("; "), "note");
  make("p", told, savingText(session));
  if (D.policies.length > 1) {
    make("h4", told, D.words["every-policy"]);
    everyPolicy(session, t);
  }
}

// To begin with, the session in the window that got all it wanted and that the chosen policy saves most money for.
function firstChoice() {
  const base = D.policies[baseline()];
  let best = -1, most = -Infinity;
  S.id.forEach((id, k) => {
    const inside = S.arrival[k] >= view.from && S.departure[k] <= view.to;
    const saved = base ? base.cost[k] - D.policies[view.policy].cost[k] : 0;
    const served = D.policies[view.policy].got[k] > S.wanted[k] - 0.05;
    if (inside && served && saved > most) [best, most] = [k, saved];
  });
  return best >= 0 ? best : 0;
}
