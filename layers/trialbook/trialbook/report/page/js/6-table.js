// The table of trials: sorted, searched, and beyond some hundred rows only what is in view.
let rowHeight = 33; // pixels; measured once rows are there
let isMeasured = false;
let isInView = false;
const PLENTY = 120; // rows; more are drawn only where the reader looks
const MOST_ON_PAPER = 200;
const MOST_PARAMETERS_ON_PAPER = 6;
const LONGEST_WHOLE = 14; // characters
let onPaper = false;
const rows = document.getElementById("rows");
const body = element("tbody");
let sorted = { column: columns.find(({ key }) => key === "rank") ?? columns[0], isDown: false };
let order = all;
let everyone = null; // all trials in the order chosen, until another one is

function sortedOrder() {
  everyone ??= sortedTrials();
  return everyone.filter((i) => kept[i]);
}

function sortedTrials() {
  const { column, isDown } = sorted;
  const value = (i) => column.values[i];
  const compare = (a, b) => {
    const [one, other] = [value(a), value(b)];
    if (one === null || other === null || one === other) return (one === null) - (other === null) || (trials.rank[a] ?? Infinity) - (trials.rank[b] ?? Infinity) || a - b;
    const way = isNumber(one) && isNumber(other) ? bySize(one, other) : String(one).localeCompare(String(other), "en", { numeric: true });
    return isDown ? -way : way;
  };
  return [...all].sort(compare);
}

// Long whole numbers that are one number of JavaScript's differ in their digits.
function bySize(one, other) {
  const way = one - other;
  return way === 0 && one instanceof Whole && other instanceof Whole ? Number(BigInt(one.text) - BigInt(other.text)) : way;
}

// The columns chosen; on paper, which has room for few, what names, ranks and varies.
function shownColumns() {
  if (!onPaper) return columns.filter((column) => column.shown);
  const varied = columns.filter((column) => column.key.startsWith("p:")).slice(0, MOST_PARAMETERS_ON_PAPER);
  const few = ["job_name", "rank", "group", "value", "status", "duration_seconds"];
  return columns.filter((column) => few.includes(column.key) || varied.includes(column));
}

function drawTable() {
  const shown = shownColumns();
  const heads = shown.map((column) => {
    const isSorted = column === sorted.column;
    const head = element("th", { scope: "col", class: `${column.isNumber ? "n" : ""} ${lengthOf(...partsOf(column.label))}`.trim(), "aria-sort": isSorted ? (sorted.isDown ? "descending" : "ascending") : "none" });
    // Chromium repeats heads on each sheet, but not the buttons in them.
    if (onPaper) {
      head.append(...partsOf(column.label).flatMap((part) => [part, element("wbr")]));
      return head;
    }
    const button = element("button", { type: "button" }, `${column.label}${isSorted ? (sorted.isDown ? " ▼" : " ▲") : ""}`);
    button.addEventListener("click", () => {
      sorted = { column, isDown: isSorted && !sorted.isDown };
      everyone = null;
      drawTable();
      rows.querySelector(`thead th:nth-child(${shown.indexOf(column) + 1}) button`).focus();
    });
    head.append(button);
    return head;
  });
  order = sortedOrder();
  const table = element("table", { "aria-label": "Trials", "aria-rowcount": String(order.length + 1), "aria-colcount": String(shown.length) }, element("thead", {}, element("tr", { "aria-rowindex": "1" }, ...heads)), body);
  rows.replaceChildren(table);
  drawRows();
  document.getElementById("selected").textContent = `${order.length === size ? "" : `${order.length.toLocaleString("en")} of `}${size.toLocaleString("en")} ${size === 1 ? "trial" : "trials"}${order.length === size ? "" : " selected"}`;
  document.getElementById("clear").hidden = filters.size === 0;
}

function drawRows() {
  const isVirtual = order.length > PLENTY && !onPaper;
  const count = isVirtual ? Math.ceil(rows.clientHeight / rowHeight) + 30 : onPaper ? MOST_ON_PAPER : PLENTY;
  const first = isVirtual ? Math.max(0, Math.min(Math.floor(rows.scrollTop / rowHeight) - 15, order.length - count)) : 0;
  const last = Math.min(order.length, first + count);
  const shown = shownColumns();
  const drawn = order.slice(first, last);
  for (const column of shown.filter(isAligned)) column.behind = Math.max(column.behind, ...drawn.map((i) => behindPoint(column.text(i)) ?? 0));
  const made = drawn.map((i, k) => tableRow(i, first + k, shown));
  const held = body.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.trial : null;
  const rest = onPaper ? notOnPaper(order.length - last) : spacer(order.length - last);
  body.replaceChildren(spacer(first), ...made, rest);
  // Rows are drawn again while the reader's focus moves through them: it stays on its trial.
  if (held !== null) body.querySelector(`tr[data-trial="${held}"] a`)?.focus({ preventScroll: true });
  if (!isMeasured && made.length && !onPaper) [rowHeight, isMeasured] = [made[0].offsetHeight || rowHeight, true]; // asking costs a layout
}

// Whose decimal points lie below each other: money and times are written in their own ways.
const isAligned = (column) => column.isNumber && /^(value|[pm]:)/.test(column.key);

function spacer(count) {
  const cell = element("td", { colspan: "99" });
  cell.style.height = `${count * rowHeight}px`;
  return element("tr", { class: "spacer", hidden: count === 0, "aria-hidden": "true" }, cell);
}

function notOnPaper(count) {
  return element("tr", { class: "spacer", hidden: count === 0 }, element("td", { colspan: "99" }, `and ${count.toLocaleString("en")} more, in the page and its CSV`));
}

const SIGNS = { Completed: "●", Failed: "✕", Stopped: "△" }; // on a phone in place of the word, as in the charts

function tableRow(i, place, shown) {
  const cells = shown.map((column) => {
    const text = column.text(i);
    if (column.key === "rank") return element("td", { class: "n" }, trials.rank[i] === 1 ? "★ 1" : text);
    if (column.key === "job_name") return element("td", { class: lengthOf(text), title: text }, element("a", { class: "job", href: `#trial=${encodeURIComponent(text)}` }, text));
    if (column.key === "status") return element("td", { class: lengthOf(text), title: text }, element("span", { class: `sign ${text}`, "aria-hidden": "true" }, SIGNS[text] ?? "□"), element("span", { class: "word" }, text));
    const whole = column.whole(i);
    const cell = element("td", { class: column.isNumber ? "n" : lengthOf(text), title: whole !== text || text.length > 40 ? whole : "" }, text);
    if (isAligned(column)) cell.dataset.behind = blanks(behindPoint(text), column.behind);
    return cell;
  });
  const classes = `${i === focused ? "focus" : ""} ${trials.rank[i] === 1 ? "first" : ""}`.trim();
  const row = element("tr", { class: classes, "aria-rowindex": String(place + 2), "data-trial": String(i) }, ...cells);
  row.addEventListener("pointerenter", () => setFocus(i));
  row.addEventListener("pointerleave", () => setFocus(-1));
  return row;
}

// What paper breaks anywhere rather than leave the sheet.
function lengthOf(...texts) {
  return texts.some((text) => text.length > LONGEST_WHOLE) ? "long" : "";
}

// A name in the parts between its joints, where it may break.
function partsOf(name) {
  return name.split(/(?<=[_:./-])/);
}

function markFocus() {
  for (const row of body.querySelectorAll("tr.focus")) row.classList.remove("focus");
  body.querySelector(`tr[data-trial="${focused}"]`)?.classList.add("focus");
}

// A trial's permanent anchor: #trial=<job name>.
function goTo(i) {
  history.pushState(null, "", `#trial=${encodeURIComponent(trials.job_name[i])}`);
  follow();
}

function follow() {
  const found = /^#trial=(.+)$/.exec(location.hash);
  if (!found) return;
  const i = trials.job_name.indexOf(decodeURIComponent(found[1]));
  if (i < 0) return;
  if (!kept[i]) clearAll();
  const place = sortedOrder().indexOf(i);
  document.getElementById("trials").scrollIntoView();
  rows.scrollTop = Math.max(0, place * rowHeight - rows.clientHeight / 2);
  drawRows();
  setFocus(i);
  say(describe(i).replaceAll("\n", ", "));
}

const spoken = element("p", { class: "hidden", role: "status" });
document.body.append(spoken);
function say(text) {
  spoken.textContent = text;
}

const search = document.getElementById("search");
let haystack = null;
function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  haystack ??= all.map((i) => columns.flatMap((column) => [...new Set([column.text(i), column.whole(i)])]).join("\n").toLowerCase());
  setFilter("search", words.length ? (i) => words.every((word) => haystack[i].includes(word)) : null);
}

function chooseColumns() {
  const box = document.querySelector("#columns div");
  for (const column of columns) {
    const input = element("input", { type: "checkbox", checked: column.shown });
    input.addEventListener("change", () => {
      column.shown = input.checked;
      drawTable();
    });
    box.append(element("label", {}, input, ` ${column.label}`));
  }
}
