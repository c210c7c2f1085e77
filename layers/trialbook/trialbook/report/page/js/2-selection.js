// What is selected. Each chart and the search box contribute a filter; a trial is kept where all of them hold.
const filters = new Map();
const kept = new Uint8Array(size).fill(1);
let keptCount = size;
let focused = -1;
const onSelection = [];
const onFocus = [];

function setFilter(key, holds) {
  if (holds) filters.set(key, holds);
  else if (!filters.delete(key)) return;
  const active = [...filters.values()];
  keptCount = 0;
  for (let i = 0; i < size; i++) {
    kept[i] = active.every((each) => each(i)) ? 1 : 0;
    keptCount += kept[i];
  }
  soon("selection", () => onSelection.forEach((tell) => tell()));
}

// Charts show all trials, or those that a reader zoomed in on.
let zoomed = null;
const onZoom = [];
const inZoom = (i) => zoomed === null || zoomed[i] === 1;

function setZoom(trialsOrNone) {
  zoomed = trialsOrNone;
  setFilter("zoom", zoomed && inZoom);
  onZoom.forEach((tell) => tell());
}

// While a brush moves, charts draw samples, and the table waits unless the reader sees it.
let brushing = false;
function setBrushing(isBrushing) {
  if (brushing === isBrushing) return;
  brushing = isBrushing;
  if (!brushing) soon("selection", () => onSelection.forEach((tell) => tell()));
}

function setFocus(i) {
  if (i === focused) return;
  focused = i;
  soon("focus", () => onFocus.forEach((tell) => tell()));
}

// Once a frame is enough, however fast the pointer moves.
const pending = new Map();
function soon(name, act) {
  if (pending.has(name)) return;
  pending.set(name, requestAnimationFrame(() => (pending.delete(name), act())));
}

function describe(i) {
  const lines = [`${trials.rank[i] ? `#${trials.rank[i]} ` : ""}${trials.job_name[i]}`];
  const group = report.groups[trials.group[i]];
  if (group) lines.push(`${group.ranking.metric} = ${full(trials.value[i])}`);
  const seconds = trials.duration_seconds[i];
  lines.push(`${trials.status[i]}${seconds === null ? "" : `, ${lasting(seconds)}`}`);
  for (const { name } of report.parameters.slice(0, 8)) lines.push(`${name} = ${trials.hyper_parameters[name][i] === null ? "–" : full(trials.hyper_parameters[name][i])}`);
  return [...lines, ...learned(i)].join("\n");
}

// As Python's duration().
function lasting(seconds) {
  const parts = [];
  let left = Math.round(seconds);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const count = Math.floor(left / size);
    left %= size;
    if (count || parts.length) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).filter((part) => !part.startsWith("0 ")).join(" ") || "0 s";
}

const tip = element("div", { class: "tip", hidden: true });
document.body.append(tip);

function showTip(i, x, y) {
  tip.hidden = i < 0;
  if (i < 0) return;
  tip.textContent = describe(i);
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(4, y + 14 + box.height > innerHeight ? y - box.height - 10 : y + 14)}px`;
}

// A tip belongs to what is under the pointer, or has the focus: it goes when that does.
addEventListener("scroll", () => showTip(-1), { capture: true, passive: true });
addEventListener("blur", () => showTip(-1));
