// The figures: report.json as it was embedded, trials as columns.
const source = document.getElementById("report").textContent;
const report = parse(source);
const trials = report.trials;
const size = trials.job_name.length;
const all = Array.from({ length: size }, (_, i) => i);

function show(value) {
  return value === null || value === undefined ? "–" : shown(value);
}

// As Python's dollars().
function money(amount) {
  if (amount === null) return "–";
  if (amount >= 1000) return `$${Math.round(amount).toLocaleString("en")}`;
  return `$${amount >= 0.095 || amount === 0 ? amount.toFixed(2) : shown(+amount.toPrecision(2))}`;
}

function when(text) {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 19)} UTC` : "–";
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Every column of the table: key, heading, values, whether they are numbers, and how a cell reads.
function makeColumns() {
  const columns = [];
  const add = (key, label, values, { isShown = true, text = show, whole = full, numeric } = {}) => {
    if (!values.some((value) => value !== null && value !== undefined)) return;
    const isNumeric = numeric ?? values.every((value) => value === null || isNumber(value));
    columns.push({ key, label, values, shown: isShown, isNumber: isNumeric, text: (i) => text(values[i]), whole: (i) => (values[i] === null || values[i] === undefined ? "" : whole(values[i])), behind: 0 });
  };
  const ranked = report.groups.map((group) => group.ranking.metric);
  add("job_name", "Job", trials.job_name);
  add("rank", "Rank", trials.rank, { numeric: true });
  if (ranked.length > 1) add("group", "Ranked by", trials.group.map((group) => (group === null ? null : ranked[group])));
  add("value", ranked.length === 1 ? ranked[0] : "Objective", trials.value, { numeric: true });
  add("status", "Status", trials.status);
  report.parameters.forEach((parameter, place) => {
    add(`p:${parameter.name}`, parameter.name, trials.hyper_parameters[parameter.name], { isShown: place < 12, numeric: parameter.kind === "number" });
  });
  const others = report.metrics.filter((name) => ranked.length !== 1 || name !== ranked[0]);
  others.forEach((name, place) => add(`m:${name}`, name, trials.metrics[name], { isShown: place < 4, numeric: true }));
  add("duration_seconds", "Duration (s)", trials.duration_seconds, { numeric: true });
  add("billable_seconds", "Billable (s)", trials.billable_seconds, { isShown: false, numeric: true });
  add("cost_usd", "Cost (US$, estimate)", trials.cost_usd, { numeric: true, text: money });
  for (const { measure } of report.machine_use) add(`u:${measure}`, `${measure} in use (%)`, trials.machine_use[measure], { isShown: false, numeric: true });
  learningColumns(add);
  add("started_at", "Started", trials.started_at, { isShown: false, text: when });
  add("ended_at", "Ended", trials.ended_at, { isShown: false, text: when });
  add("failure", "Failure", trials.failure.map((at) => (at === null ? null : report.failures[at].reason)), { isShown: false });
  add("without_objective", "Without objective because", trials.without_objective, { isShown: false });
  return columns;
}

const columns = makeColumns();
