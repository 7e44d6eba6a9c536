"use strict";
// Charts (uPlot), the state of menus while live parts are replaced, and small comforts. Pages work without it, charts apart.
(() => {
  const STYLES = {
    load: { stroke: "#0072B2", width: 2, fill: "rgba(0,114,178,.10)" },
    plan: { stroke: "#0072B2", width: 2, dash: [6, 4], fill: "rgba(0,114,178,.05)", step: true },
    base: { stroke: "#6b7580", width: 1.5, dash: [2, 3], step: true },
    limit: { stroke: "#D55E00", width: 2, step: true },
    price: { stroke: "#00805d", width: 1.5, dash: [8, 3, 2, 3], step: true, scale: "price" },
    metered: { stroke: "#0072B2", width: 2, fill: "rgba(0,114,178,.10)" },
    ordered: { stroke: "#D55E00", width: 2, dash: [6, 4], step: true },
    suspect: { stroke: "#D55E00", width: 2.5, scale: "own" },
    own: { stroke: "#0072B2", width: 1.5, dash: [8, 3], scale: "own" },
    band: { stroke: "#6b7580", width: 1.5, dash: [3, 3], scale: "own" },
    soc: { stroke: "#00805d", width: 1.5, dash: [8, 3, 2, 3], scale: "percent" },
  };
  // Of an axis that names days: none of them twice.
  const DAYS_APART = [1, 2, 3, 5, 7, 10, 15, 30, 60, 90, 180, 365].map(n => n * 86400);
  const charts = new Map();

  function formats(zone) {
    const make = options => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour12: false, ...options });
    const time = make({ hour: "2-digit", minute: "2-digit" });
    const day = make({ month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
    const parts = t => Object.fromEntries(day.formatToParts(new Date(t * 1e3)).map(one => [one.type, one.value]));
    const date = one => one.month + "-" + one.day;
    return {
      date: t => date(parts(t)), time: t => time.format(new Date(t * 1e3)),
      day: t => { const one = parts(t); return date(one) + " " + one.hour + ":" + one.minute; },
    };
  }

  function nowLine(holder) {
    return u => {
      const now = holder.chartNow;
      if (!now || now < u.scales.x.min || now > u.scales.x.max) return;
      const x = Math.round(u.valToPos(now, "x", true));
      u.ctx.save();
      u.ctx.strokeStyle = "#1b2430";
      u.ctx.lineWidth = 1;
      u.ctx.setLineDash([3, 3]);
      u.ctx.beginPath();
      u.ctx.moveTo(x, u.bbox.top);
      u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
      u.ctx.restore();
    };
  }

  function seriesOf(one) {
    const style = STYLES[one.style] || STYLES.load;
    const made = {
      label: one.label, stroke: style.stroke, width: style.width, dash: style.dash, fill: style.fill, scale: style.scale || "kw",
      points: { show: false }, spanGaps: one.gaps === true,
      value: (u, v) => v == null ? "–" : v.toFixed(one.digits) + " " + one.unit,
    };
    if (style.step) made.paths = uPlot.paths.stepped({ align: 1 });
    return made;
  }

  function optionsOf(content, holder, width) {
    const clock = formats(content.zone);
    const used = new Set(content.series.map(one => (STYLES[one.style] || STYLES.load).scale || "kw"));
    const axis = { stroke: "#56616f", grid: { stroke: "#e7ebef", width: 1 }, ticks: { stroke: "#c3ccd5", width: 1 }, font: "12px system-ui, sans-serif" };
    // The left axis bears several curves, so it is named by their unit.
    const named = scale => {
      const shown = content.series.find(one => ((STYLES[one.style] || STYLES.load).scale || "kw") === scale);
      return { label: !shown ? "" : scale === "kw" ? shown.unit : shown.label + ", " + shown.unit, labelSize: 18, labelFont: "12px system-ui, sans-serif" };
    };
    const left = used.has("own") ? "own" : "kw";
    const axes = [
      { ...axis, space: 60, ...(content.days ? { incrs: DAYS_APART } : {}), label: content.time, labelSize: 18, labelFont: "12px system-ui, sans-serif", values: (u, splits) => splits.map(content.days ? clock.date : clock.time) },
      { ...axis, ...named(left), ...(left === "own" ? { label: content.axis || content.series[0].unit } : {}), scale: left, size: 52, values: (u, splits) => splits.map(v => v.toLocaleString("en-US")) },
    ];
    const scales = { x: { time: true }, kw: { range: (u, min, max) => [Math.min(0, min), Math.max(1, max) * 1.08] } };
    if (left === "own") scales.own = { range: (u, min, max) => { const pad = Math.max((max - min) * 0.1, 0.05); return [min - pad, max + pad]; } };
    for (const other of ["price", "percent"]) {
      if (!used.has(other)) continue;
      scales[other] = { range: other === "percent" ? [0, 100] : (u, min, max) => [Math.min(0, min), max > 0 ? max * 1.3 : 1] };
      axes.push({ ...axis, ...named(other), scale: other, side: 1, size: 46, grid: { show: false }, values: (u, splits) => splits.map(v => other === "percent" ? v + "%" : v.toFixed(2)) });
    }
    return {
      width, height: holder.classList.contains("small") ? 190 : width < 560 ? 260 : 330, tzDate: t => uPlot.tzDate(new Date(t * 1e3), content.zone),
      scales, axes, cursor: { drag: { x: true, y: false } }, legend: { live: true },
      series: [{ label: content.time, value: (u, t) => t == null ? "–" : clock.day(t) }, ...content.series.map(seriesOf)],
      hooks: { draw: [nowLine(holder)] },
    };
  }

  function draw(source) {
    const holder = document.getElementById(source.dataset.chartFor);
    if (!holder || source.dataset.chart === holder.chartText) return;
    const content = JSON.parse(source.dataset.chart);
    const kind = JSON.stringify([content.zone, content.series.map(one => [one.label, one.style, one.unit])]);
    holder.chartText = source.dataset.chart;
    holder.chartNow = content.now;
    const data = [content.t, ...content.series.map(one => one.values)];
    if (holder.chart && holder.chartKind === kind) {
      holder.chart.setData(data);
      return;
    }
    if (holder.chart) holder.chart.destroy();
    holder.chartKind = kind;
    holder.chart = new uPlot(optionsOf(content, holder, holder.clientWidth), data, holder);
    holder.setAttribute("data-drawn", "yes");
    charts.set(holder.id, holder);
  }

  function drawAll(within) {
    if (typeof uPlot === "undefined") return;
    for (const source of within.querySelectorAll("[data-chart]")) draw(source);
  }

  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const [id, holder] of charts) {
        if (!holder.isConnected) { charts.delete(id); continue; }
        holder.chart.setSize({ width: holder.clientWidth, height: holder.chart.height });
      }
    }, 120);
  });

  // Live parts: menus that are open stay open, what has the keyboard keeps it (htmx does that for what has an id).
  let open = [];
  document.addEventListener("htmx:sseBeforeMessage", event => {
    open = [...event.target.querySelectorAll("details[open][id]")].map(one => one.id);
  });
  document.addEventListener("htmx:sseMessage", event => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    drawAll(event.target);
  });
  document.addEventListener("htmx:sseOpen", () => alive(true));
  document.addEventListener("htmx:sseError", () => alive(false));
  function alive(is) {
    for (const mark of document.querySelectorAll(".live")) {
      mark.classList.toggle("off", !is);
      mark.textContent = is ? mark.dataset.on : mark.dataset.off;
    }
  }

  document.addEventListener("htmx:afterSettle", event => drawAll(event.target.parentElement || document));
  document.addEventListener("click", event => {
    for (const menu of document.querySelectorAll("details.menu[open], .bar details[open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
    const shut = event.target.closest("[data-shuts]");
    if (shut) shut.closest("details")?.removeAttribute("open");
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open], .bar details[open]");
    if (menu) { menu.removeAttribute("open"); menu.querySelector("summary").focus(); }
  });
  document.addEventListener("submit", event => {
    const asked = event.submitter?.dataset.ask || event.target.dataset.ask;
    if (asked && !event.target.hasAttribute("hx-post") && !window.confirm(asked)) event.preventDefault();
  });
  for (const field of document.querySelectorAll("[data-sends]")) field.addEventListener("change", () => field.form.requestSubmit());
  drawAll(document);
  document.querySelector("[data-first]")?.focus();
})();
