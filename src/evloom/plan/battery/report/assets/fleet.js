// Of a table of many packs: those of some levels, those with a word in their row, and in the order of a column.

const controls = document.querySelector(".fleet-controls");
const body = document.querySelector("table.fleet tbody");
const lines = [...body.rows];
const chosen = new Set();
const search = controls.querySelector("input");
const MANY = 8, LEVELS = ["stop", "inspect", "watch", "closed", "none"];

function show() {
  const word = search.value.trim().toLowerCase();
  let n = 0;
  lines.forEach((line) => {
    line.hidden = (chosen.size > 0 && !chosen.has(line.dataset.level)) || !line.textContent.toLowerCase().includes(word);
    n += line.hidden ? 0 : 1;
  });
  controls.querySelector(".count").textContent = n < lines.length ? n + " / " + lines.length : "";
}

controls.hidden = lines.length <= MANY;
controls.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
  const level = button.dataset.level;
  if (!chosen.delete(level)) chosen.add(level);
  button.setAttribute("aria-pressed", String(chosen.has(level)));
  show();
}));
search.addEventListener("input", show);

// The first number of a cell, or its text as it is shown.
function worth(line, k) {
  if (line.cells[k].querySelector(".badge")) return [false, LEVELS.indexOf(line.dataset.level)];
  const text = line.cells[k].innerText.trim();
  const number = Number.parseFloat(text.replace(/,/g, ""));
  return line.cells[k].className === "n" ? [Number.isNaN(number), number] : [text === "", text];
}

function sortBy(head, k) {
  const back = head.getAttribute("aria-sort") === "ascending";
  document.querySelectorAll("table.fleet th").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", back ? "descending" : "ascending");
  const keyed = lines.map((line, place) => [worth(line, k), place, line]);
  keyed.sort(([[noA, a], placeA], [[noB, b], placeB]) => {
    if (noA !== noB) return noA ? 1 : -1;
    const order = noA || a === b ? placeA - placeB : a < b ? -1 : 1;
    return back && !noA && a !== b ? -order : order;
  });
  body.append(...keyed.map((one) => one[2]));
}

document.querySelectorAll("table.fleet th").forEach((head, k) => {
  if (lines.length > 1) {
    const press = document.createElement("button");
    press.type = "button";
    press.append(...head.childNodes);
    head.append(press);
    press.addEventListener("click", () => sortBy(head, k));
  }
});

document.addEventListener("language", () => {
  search.placeholder = search.dataset[root.lang === "en" ? "en" : "zh"];
  search.setAttribute("aria-label", search.placeholder);
});
speak(TAGS[location.hash] || root.lang);
