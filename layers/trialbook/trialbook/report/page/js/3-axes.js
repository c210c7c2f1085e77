// Axes: from a value to a place between 0 and 1, and the ticks to write.
const NICE = [1, 2, 5, 10];
const SHORT_LABEL = 14; // characters that are short enough
const FEW_CATEGORIES = 12;
const DRAWN = 1e300; // sizes up to here have room for sums and margins: larger ones lie at the edge

const drawable = (value) => Math.min(Math.max(value, -DRAWN), DRAWN);

const PAD = 0.04; // of an axis, beyond its values
const VALUE_PAD = 0.08; // so much that the star of the best trial does not cover the axis

function linear(label, values, low, high, { most = 5, whole = false, pad: share = PAD } = {}) {
  [low, high] = [drawable(low), drawable(high)];
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const pad = (high - low) * share;
  [low, high] = [low - pad, high + pad];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = NICE.find((each) => each * power >= rough * 0.999) * power;
  const step = whole ? Math.max(1, nice) : nice;
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(+(k * step).toPrecision(12));
  return { label, values, place: (value) => (drawable(value) - low) / (high - low), ticks: ticks.map((at) => [at, full(at)]) };
}

function logarithmic(label, values, low, high, { pad: share = PAD } = {}) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const pad = (to - from || 1) * share;
  const place = (value) => (Math.log10(value) - from + pad) / (to - from + 2 * pad);
  const ticks = [];
  const steps = to - from > 4 ? [1] : to - from > 1.5 ? [1, 3] : NICE.slice(0, 3);
  for (let power = Math.floor(from) - 1; power <= to; power++)
    for (const step of steps) {
      const at = +(step * 10 ** power).toPrecision(3);
      if (place(at) >= 0 && place(at) <= 1) ticks.push([at, full(at)]);
    }
  return { label: `${label} (log scale)`, values, place, ticks };
}

const LEAST_DECADES = 3; // between the positive values, from which on those beside a 0 need a log scale
const ZERO_ROOM = 0.1; // of the axis, between 0 and the least positive value

// A log scale with a place for 0.
function logarithmicFromZero(label, values, least, high) {
  const positive = logarithmic(label, values, least, high);
  const place = (value) => (value > 0 ? ZERO_ROOM + (1 - ZERO_ROOM) * positive.place(value) : 0.02);
  return { ...positive, place, ticks: [[0, "0"], ...positive.ticks] };
}

// Every category has a place. They stand in the order of their names: in that of their values, chance would look like a
// trend.
function categories(label, values, names) {
  const ordered = [...names].sort(byName);
  const places = new Map(ordered.map((name, at) => [name, (at + 0.5) / ordered.length]));
  const short = withoutShared(ordered);
  const titled = ordered.length > FEW_CATEGORIES ? `${label} (${ordered.length.toLocaleString("en")} values, by name)` : label;
  const ticks = ordered.map((name, at) => [name, short[at]]);
  const first = values[trials.rank.indexOf(1)];
  return { label: titled, values, place: (value) => places.get(value) ?? NaN, ticks: bestFirst(ticks, first), isCategory: true };
}

// Where there is no room for all labels, the best trial's is drawn before the others take its place.
const bestFirst = (ticks, best) => [...ticks.filter(([name]) => name === best), ...ticks.filter(([name]) => name !== best)];

// As core/charts/labels.py: texts in order of their letters, the numbers in them by size.
function byName(one, other) {
  const [a, b] = [one, other].map((text) => text.split(/(\d+)/));
  for (let k = 0; k < Math.min(a.length, b.length); k++) {
    if (k % 2 && Number(a[k]) !== Number(b[k])) return Number(a[k]) - Number(b[k]);
    if (!(k % 2) && a[k] !== b[k]) return a[k] < b[k] ? -1 : 1;
  }
  return a.length - b.length || (one < other ? -1 : one > other ? 1 : 0);
}

// Long names without the beginning and the end that all of them share, up to a joint.
function withoutShared(names) {
  if (names.length < 2 || names.every((name) => name.length <= SHORT_LABEL)) return names;
  const [least, greatest] = [names.reduce((a, b) => (a < b ? a : b)), names.reduce((a, b) => (a > b ? a : b))];
  let begin = 0;
  while (begin < least.length && least[begin] === greatest[begin]) begin++;
  while (begin && /[\p{L}\p{N}.]/u.test(least[begin - 1])) begin--;
  const rests = names.map((name) => name.slice(begin));
  let end = 0;
  const shortest = Math.min(...rests.map((rest) => rest.length));
  while (end < shortest && rests.every((rest) => rest.at(-1 - end) === rests[0].at(-1 - end))) end++;
  while (end && /[\p{L}\p{N}.]/u.test(rests[0].at(-end))) end--;
  return rests.map((rest) => `${begin ? "…" : ""}${rest.slice(0, rest.length - end)}${end ? "…" : ""}`);
}

function time(label, values) {
  const known = values.filter((value) => value !== null);
  const [low, high] = extent(known);
  const span = high - low || 1000;
  const steps = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 172800, 604800, 2592000].map((s) => s * 1000);
  const step = steps.find((each) => span / each <= 7) ?? span;
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) {
    const text = new Date(at).toISOString();
    ticks.push([at, step >= 86400000 ? text.slice(0, 10) : text.slice(11, step < 60000 ? 19 : 16)]);
  }
  return { label, values, place: (value) => 0.01 + (0.98 * (value - low)) / span, ticks };
}

function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const cut = (text, longest) => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);

function parameterAxis(name) {
  const parameter = report.parameters.find((each) => each.name === name);
  const values = trials.hyper_parameters[name];
  if (parameter.kind === "category") {
    const texts = values.map((value) => (value === null ? "none" : show(value)));
    return categories(name, texts, [...new Set(texts)]);
  }
  const numbers = values.filter((value, i) => isNumber(value) && inZoom(i));
  if (!numbers.length) numbers.push(...values.filter(isNumber));
  const [low, high] = extent(numbers);
  const [least] = extent(numbers.filter((value) => value > 0));
  const hasZero = low == 0 && Math.log10(high / least) >= LEAST_DECADES;
  const onLine = () => linear(name, values, low, high, { most: 8, whole: parameter.is_integer });
  const axis = parameter.scale === "log" && low > 0 ? logarithmic(name, values, low, high) : hasZero ? logarithmicFromZero(name, values, least, high) : onLine();
  // The values themselves are the ticks where there are few: 1, 2, 4, 8, 10.
  const few = parameter.values.filter((value) => value >= low && value <= high);
  if (few.length > 1 && few.length <= 8) axis.ticks = few.map((value) => [value, shown(value)]);
  axis.isFew = parameter.values.length > 1;
  return axis;
}

const STRIP = 0.17; // of the axis, for outliers: as in core/charts/chart.py

function valueAxis(group) {
  const { ranking, spread } = report.groups[group];
  const better = ranking.type === "Minimize" ? "lower is better" : "higher is better";
  const values = trials.value.map((value, i) => (trials.group[i] === group ? Math.min(Math.max(value, spread.axis_low), spread.axis_high) : null));
  const label = `${ranking.metric} (${better})`;
  const scale = spread.scale === "log" ? logarithmic : linear;
  const make = (...given) => scale(...given, { pad: VALUE_PAD });
  const whole = [spread.axis_low, spread.axis_high];
  const seen = zoomed === null ? [] : values.filter((value, i) => value !== null && inZoom(i));
  const axis = seen.length ? make(label, values, ...extent(seen)) : spread.bend === null ? make(label, values, ...whole) : bent(make, label, values, whole, spread, ranking.type === "Minimize");
  const far = (i) => trials.group[i] === group && (trials.value[i] < spread.axis_low || trials.value[i] > spread.axis_high);
  return { ...axis, far: spread.beyond ? far : null, short: `${ranking.metric}, ${ranking.type === "Minimize" ? "↓" : "↑"} better` };
}

// An axis whose worse end is a strip for outliers, so that the good values have the room.
function bent(make, label, values, [low, high], { bend, scale }, isLeast) {
  const [from, to, end] = isLeast ? [low, bend, high] : [bend, high, low];
  const main = make(label, values, from, to);
  const size = scale === "log" ? Math.log10 : Number;
  const isOutside = (value) => (isLeast ? value > bend : value < bend);
  const beyond = (value) => Math.min(1, (size(value) - size(bend)) / (size(end) - size(bend)));
  const upward = (value) => (isOutside(value) ? 1 - STRIP * (0.88 - 0.76 * beyond(value)) : (1 - STRIP) * (isLeast ? main.place(value) : 1 - main.place(value)));
  const place = (value) => (isLeast ? upward(value) : 1 - upward(value));
  const inside = main.ticks.filter(([value]) => !isOutside(value));
  return { ...main, place, ticks: [...inside, [end, shown(end)]], strip: isLeast ? [1 - STRIP, 1] : [0, STRIP] };
}
