// What the browser does with the page: theme, sorting and filtering of the leaderboard, copying, drawing the charts.
// User-given text only ever becomes the text of an element.
(() => {
"use strict";
const root = document.documentElement;
root.classList.add("js");
const data = JSON.parse(document.getElementById("data").textContent);
const SHOWN = 500;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value != null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ---- theme: as the system, light, dark

const theme = document.getElementById("theme");
const THEMES = ["", "light", "dark"];

function remembered() {
  try { return localStorage.getItem("sweep-report-theme") || ""; } catch { return ""; } // storage may be forbidden
}

function setTheme(name) {
  if (name) root.dataset.theme = name; else delete root.dataset.theme;
  theme.textContent = `Theme: ${name || "as the system"}`;
}

setTheme(THEMES.includes(remembered()) ? remembered() : "");
theme.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme || "") + 1) % THEMES.length];
  setTheme(next);
  try { localStorage.setItem("sweep-report-theme", next); } catch { /* then it lasts as long as the page */ }
});

// ---- copying a line

async function copy(button) {
  const code = button.parentElement.querySelector("code");
  let done = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch { // no permission, or an old browser
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Selected";
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".copy");
  if (button) copy(button);
});

function command(line) {
  return element("div", { class: "command" }, element("code", {}, line),
    element("button", { type: "button", class: "copy", "aria-label": "Copy this line" }, "Copy"));
}

// ---- the leaderboard: data.board has columns, scale and rows
// a row: [name, state, place, texts, values, interval, repeat, verify]

function compare(a, b) { // what is empty comes last, numbers before texts
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0;
}

function sorted(rows, column, direction) {
  const sign = direction === "descending" ? -1 : 1;
  return rows.slice().sort((a, b) => {
    const [x, y] = [a[4][column], b[4][column]];
    return x === null || y === null ? compare(x, y) : sign * compare(x, y);
  });
}

const OPERATORS = {
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};

// One word of the filter as a test of a row: depth=5, val_loss<0.2, or any text that is to occur.
function word(text, columns) {
  const parts = /^(.+?)(<=|>=|!=|=|<|>)(.+)$/.exec(text);
  const name = parts && parts[1].toLowerCase();
  const index = parts ? columns.findIndex((c) => c.key.toLowerCase() === name || c.key.toLowerCase().endsWith(`.${name}`)) : -1;
  if (index < 0) return (row) => haystack(row).includes(text.toLowerCase());
  const [operator, wanted] = [OPERATORS[parts[2]], parts[3]];
  const number = wanted.endsWith("%") ? parseFloat(wanted) / 100 : Number(wanted);
  return (row) => {
    const value = row[4][index];
    if (value === null) return parts[2] === "!=";
    if (typeof value === "number") return operator(value, number);
    return operator(value.toLowerCase(), wanted.toLowerCase());
  };
}

const haystacks = new Map();
function haystack(row) {
  if (!haystacks.has(row)) haystacks.set(row, [...row[3], row[6]].join("\n").toLowerCase());
  return haystacks.get(row);
}

function mark(place, name) {
  if (!place) return element("span", { class: "mark" });
  const label = place === "leader" ? "leader" : name;
  return element("span", { class: `mark ${place}`, role: "img", "aria-label": label, title: label }, place === "leader" ? "◆" : "●");
}

function bar(interval, [low, high]) {
  const at = interval.map((one) => Math.min(100, Math.max(0, (100 * (one - low)) / (high - low))).toFixed(2));
  const made = element("span", { class: interval[1] < low ? "bar off" : "bar", "aria-hidden": "true" });
  made.style.cssText = `--l:${at[0]}%;--m:${at[1]}%;--r:${100 - at[2]}%`;
  return made;
}

function tableRow(board, row, place, groupName) {
  const [name, state, role, texts, , interval] = row;
  const made = element("tr", { class: `${state} ${role}`, "data-row": place });
  board.columns.forEach((column, index) => {
    if (index === 0) {
      const more = element("button", { type: "button", class: "more", "aria-expanded": "false", "aria-label": `More about trial ${name}` }, "▸");
      made.append(element("td", { class: "rank" }, more, mark(role, groupName), texts[0]));
    } else if (column.key === "trial") {
      made.append(element("th", { scope: "row" }, texts[index]));
    } else {
      const cell = element("td", { class: column.look });
      if (column.kind === "interval") {
        if (interval) cell.append(bar(interval, board.scale));
        cell.append(element("span", { class: "ends" }, texts[index]));
      } else cell.append(texts[index]);
      made.append(cell);
    }
  });
  return made;
}

function detailRow(board, row) {
  const [, , , texts, values, , repeat, verify] = row;
  const list = element("dl", {});
  board.columns.forEach((column, index) => {
    if (texts[index] === "") return;
    const exact = column.kind === "param" && values[index] !== null ? String(values[index]) : texts[index];
    list.append(element("div", {}, element("dt", {}, column.label), element("dd", {}, exact)));
  });
  const cell = element("td", { colspan: board.columns.length }, ...[repeat, verify].filter(Boolean).map(command));
  cell.append(list);
  return element("tr", { class: "detail" }, cell);
}

function leaderboard(section, board) {
  const table = section.querySelector("table.board");
  if (!table) return;
  const body = table.tBodies[0];
  const [search, which, all] = ["input[type=search]", "select", "input[type=checkbox]"].map((one) => section.querySelector(one));
  const count = section.querySelector(".count");
  const groupName = (section.querySelector("option[value=group]") || {}).textContent || "";
  const heads = [...table.tHead.rows[0].cells];
  let order = null;

  function chosen() {
    const tests = search.value.split(/\s+/).filter(Boolean).map((text) => word(text, board.columns));
    const state = which.value;
    if (state === "group") tests.push((row) => row[2] !== "");
    else if (state) tests.push((row) => row[1] === state);
    const rows = board.rows.filter((row) => tests.every((test) => test(row)));
    return order ? sorted(rows, order.column, order.direction) : rows;
  }

  function tell(number) {
    const of = board.rows.length.toLocaleString("en");
    const noun = board.rows.length === 1 ? "trial" : "trials";
    const what = number === board.rows.length ? `${of} ${noun}` : `${number.toLocaleString("en")} of ${of} ${noun}`;
    count.textContent = number > SHOWN ? `${what}, the first ${SHOWN} shown` : what;
  }

  function show() {
    const rows = chosen();
    body.replaceChildren(...rows.slice(0, SHOWN).map((row) => tableRow(board, row, board.rows.indexOf(row), groupName)));
    if (!rows.length) body.append(element("tr", {}, element("td", { colspan: board.columns.length, class: "text" }, "No trial is like that.")));
    tell(rows.length);
  }

  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const first = board.columns[column].better;
      const now = head.getAttribute("aria-sort");
      const direction = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
      heads.forEach((one) => one.setAttribute("aria-sort", one === head ? direction : "none"));
      order = { column, direction };
      show();
    });
  });
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, board.rows.length > SHOWN ? 200 : 0); });
  which.addEventListener("change", show);
  all.addEventListener("change", () => table.classList.toggle("all", all.checked));
  body.addEventListener("click", (event) => {
    const button = event.target.closest(".more");
    if (!button) return;
    const line = button.closest("tr");
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) line.nextElementSibling.remove();
    else line.after(detailRow(board, board.rows[Number(line.dataset.row)]));
  });
  tell(board.rows.length);
}

// ---- charts, drawn when they come near, and the others when nothing else is to do

const CONFIG = {
  background: "transparent",
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: "var(--muted)", titleColor: "var(--muted)", gridColor: "var(--line)", domainColor: "var(--line)",
    tickColor: "var(--line)", labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 8,
  },
  legend: { labelColor: "var(--ink)", labelFontSize: 12, symbolStrokeWidth: 2, orient: "top", offset: 4 },
  text: { fill: "var(--ink)" },
};

function library() { // its 0.9 MB are not read before the first chart
  if (!window.vegaEmbed) {
    const script = document.createElement("script");
    script.textContent = document.getElementById("library").textContent;
    document.head.append(script);
  }
  return window.vegaEmbed;
}

const charts = new Map(); // by id: { spec views, rows, view }
for (const sweep of Object.values(data)) {
  const facts = new Map(sweep.trials.rows.map((row) => [row[0], Object.fromEntries(sweep.trials.fields.map((f, i) => [f, row[i]]))]));
  for (const [key, chart] of Object.entries(sweep.charts)) charts.set(key, { ...chart, facts, view: 0, drawn: null });
}

function records(chart) {
  return chart.rows.map((row) => {
    const record = { ...(chart.fields[0] === "trial" ? chart.facts.get(row[0]) : null) };
    chart.fields.forEach((field, index) => { record[field] = row[index]; });
    return record;
  });
}

async function draw(key) {
  const chart = charts.get(key);
  const view = Math.min(chart.view, chart.views.length - 1);
  if (chart.drawn === view) return;
  chart.drawn = view;
  const place = document.getElementById(key);
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: "container", data: { values: records(chart) },
    ...structuredClone(chart.views[view]),
  };
  try {
    const result = await library()(place, spec, { ast: true, actions: false, renderer: "svg", config: CONFIG, tooltip: { theme: "custom" } });
    if (chart.result) chart.result.finalize();
    chart.result = result;
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
    console.error(error);
  }
}

const left = [...charts.keys()];
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target.id); }
}, { rootMargin: "300px" });
for (const key of left) near.observe(document.getElementById(key));

const idle = window.requestIdleCallback || ((work) => setTimeout(work, 60));
async function drawRest() {
  const key = left.shift();
  if (key === undefined) { root.dataset.charts = "drawn"; return; }
  await draw(key);
  idle(drawRest);
}
addEventListener("load", () => idle(drawRest));
addEventListener("beforeprint", () => left.forEach(draw));

for (const figures of document.querySelectorAll("[data-figures]")) {
  figures.addEventListener("change", (event) => {
    if (event.target.type !== "radio") return;
    for (const plot of figures.querySelectorAll(".plot")) {
      charts.get(plot.id).view = Number(event.target.value);
      draw(plot.id);
    }
  });
}

for (const article of document.querySelectorAll("[data-sweep]")) {
  const key = article.dataset.sweep;
  leaderboard(document.getElementById(`${key}-board`), data[key].board);
}
})();
