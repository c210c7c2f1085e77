// Each kind of chart, as the page's figures ask for it.
const ofGroup = (group) => (i) => trials.group[i] === group || trials.group[i] === null;
const hasLane = (values, belongs) => all.some((i) => belongs(i) && values[i] === null);

const LEAST_SHARE = 0.02; // of the explained variation: what matters less has no curve
const REACH = 0.1; // of the axis: trials so near count for the curve of 200 trials, and farther ones where they are few
const STEPS = 60;

// Where the values run along a hyperparameter that matters: the mean of nearby trials, and the range near the best.
function curve(group, name) {
  const effect = report.groups[group].importance?.effects.find((each) => each.parameter === name);
  const parameter = report.parameters.find((each) => each.name === name);
  if (!effect || effect.share < LEAST_SHARE || parameter.kind === "category") return {};
  const behind = (c, plot) => {
    if (effect.good_low === null || effect.good_high === null) return;
    const [from, to] = [effect.good_low, effect.good_high].map((value) => Math.min(Math.max(plot.atX(Number(value)), plot.box.left), plot.box.right));
    c.fillStyle = colours.best;
    c.globalAlpha = 0.12;
    c.fillRect(from, plot.box.top, to - from, plot.box.bottom - plot.box.top);
    c.globalAlpha = 1;
  };
  const path = ({ x, y, box, shown }) => {
    const ranked = shown.filter((i) => trials.rank[i] && y.values[i] !== null);
    const spots = evenly(ranked, MOST_NEAR).map((i) => [x.place(x.values[i]), y.place(y.values[i])]);
    const through = parameter.values.length ? levels(spots) : smooth(spots);
    return through.map(([u, v]) => [box.left + u * (box.right - box.left), box.bottom - v * (box.bottom - box.top)]);
  };
  const over = (c, plot) => {
    c.beginPath();
    for (const [x, y] of plot.line) c.lineTo(x, y);
    for (const [name, wide] of [["ground", 5], ["text", 2]]) {
      c.strokeStyle = colours[name];
      c.lineWidth = wide;
      c.stroke();
    }
  };
  return { behind, over, path };
}

// The mean at each value, where those are few: between them there is nothing.
function levels(spots) {
  const at = Map.groupBy ? Map.groupBy(spots, ([u]) => u) : grouped(spots);
  return [...at].sort(([a], [b]) => a - b).map(([u, some]) => [u, some.reduce((sum, [, v]) => sum + v, 0) / some.length]);
}

function grouped(spots) {
  const found = new Map();
  for (const spot of spots) found.set(spot[0], [...(found.get(spot[0]) ?? []), spot]);
  return found;
}

// The mean of nearby trials, from the first to the last.
function smooth(spots) {
  const [low, high] = extent(spots.map(([u]) => u));
  const found = [];
  const reach = REACH * Math.max(1, (200 / spots.length) ** 0.3);
  for (let k = 0; k <= STEPS && spots.length > 1; k++) {
    const at = low + ((high - low) * k) / STEPS;
    let [sum, weights] = [0, 0];
    for (const [u, v] of spots) {
      const weight = Math.exp(-(((u - at) / reach) ** 2) * 2);
      sum += weight * v;
      weights += weight;
    }
    if (weights > 0) found.push([at, sum / weights]);
  }
  return found;
}

function valueByParameter(parent, id, label, group, name, height = 300, place = null) {
  const y = () => (place ? { ...valueAxis(group), label: "" } : valueAxis(group)); // one title for all slices
  const belongs = ofGroup(group);
  return new Scatter(parent, id, { label, x: () => parameterAxis(name), y, belongs, height, isNamed: place === null, ...curve(group, name), lane: hasLane(y().values, belongs) ? "no value" : null });
}

function trialByTrial(parent, id, label, group) {
  const y = () => valueAxis(group);
  const belongs = ofGroup(group);
  const height = parent.clientWidth < NARROW ? 210 : 320;
  const x = () => linear("jobs in the order in which they ended", trials.finished, ...extent(trials.finished.filter((at, i) => at !== null && inZoom(i))), { most: 8, whole: true });
  const steps = report.groups[group].improvements;
  const path = (plot) => {
    const at = steps.map((step) => [plot.atX(step.finished), plot.atY(step.value)]);
    return [...at.flatMap(([x, y], k) => (k ? [[x, at[k - 1][1]], [x, y]] : [[x, y]])), [plot.box.right, at.at(-1)[1]]];
  };
  return new Scatter(parent, id, { label, x, y, belongs, behind: stairs, path, height, lane: hasLane(y().values, belongs) ? "no value" : null });
}

// The plot's line, within its axes.
function stairs(c, { line, box }) {
  c.save();
  c.beginPath();
  c.rect(box.left, box.top, box.right - box.left, box.bottom - box.top + 2);
  c.clip();
  c.strokeStyle = colours.best;
  c.lineWidth = 2;
  c.beginPath();
  for (const [x, y] of line) c.lineTo(x, y);
  c.stroke();
  c.restore();
}

// What better values cost: a staircase joins the trials that no other one beats in both.
function frontier(parent, id, label, group) {
  const y = () => valueAxis(group);
  const { front, spread } = report.groups[group];
  const names = { cost_usd: "cost (US$, estimate)", billable_seconds: "billable seconds", duration_seconds: "seconds" };
  const given = front.other in names ? trials[front.other] : trials.metrics[front.other];
  const values = given.map((value) => (isNumber(value) ? Number(value) : null));
  const belongs = (i) => trials.group[i] === group && values[i] !== null;
  const isLess = front.type === "Minimize";
  const x = () => linear(`${names[front.other] ?? front.other} (${isLess ? "lower" : "higher"} is better)`, values, ...extent(values.filter((_, i) => belongs(i) && inZoom(i))), { most: 8 });
  const path = (plot) => {
    const at = front.trials.map(({ value, other }) => [plot.atX(other), plot.atY(Math.min(Math.max(value, spread.axis_low), spread.axis_high))]);
    const first = [isLess ? plot.box.right : plot.box.left, at[0][1]];
    return [first, ...at.flatMap(([x, y], k) => (k ? [[at[k - 1][0], y], [x, y]] : [[x, y]]))];
  };
  return new Scatter(parent, id, { label, x, y, belongs, behind: stairs, path });
}

function contour(parent, id, label, group, [one, other]) {
  const belongs = (i) => trials.group[i] === group;
  return new Scatter(parent, id, { label, x: () => parameterAxis(one), y: () => parameterAxis(other), height: 380, belongs, colour: byRank(group), behind: surface(group), hasRings: true, hasBar: true });
}

const CELLS = 40;
const MOST_NEAR = 400; // trials that the surface is made of

// Between the trials an estimate: the mean of all, weighted by nearness. Strong is better, as for the trials themselves.
function surface(group) {
  let [means, of] = [null, null];
  const [low, high] = coloured(group);
  const isLeast = report.groups[group].ranking.type === "Minimize";
  const estimate = ({ x, y, shown }) => {
    const near = shown.filter((i) => x.values[i] !== null && y.values[i] !== null).sort((a, b) => trials.rank[a] - trials.rank[b]);
    const spots = evenly(near, MOST_NEAR).map((i) => [x.place(x.values[i]), y.place(y.values[i]), Math.min(Math.max(trials.value[i], low), high)]);
    const [across, up] = [tried(x, shown), tried(y, shown)];
    return Array.from({ length: CELLS * CELLS }, (_, k) => {
      const [u, v] = [across(((k % CELLS) + 0.5) / CELLS), up(1 - (Math.floor(k / CELLS) + 0.5) / CELLS)];
      let [sum, weights] = [0, 0];
      for (const [a, b, value] of spots) {
        const weight = 1 / ((u - a) ** 2 + (v - b) ** 2 + 0.002) ** 2;
        sum += weight * value;
        weights += weight;
      }
      return (sum / weights - low) / (high - low || 1);
    });
  };
  const cells = element("canvas", { width: CELLS, height: CELLS });
  let painted = null;
  const paint = () => {
    const context = cells.getContext("2d");
    means.forEach((mean, k) => {
      context.fillStyle = mixed(isLeast ? mean : 1 - mean);
      context.fillRect(k % CELLS, Math.floor(k / CELLS), 1, 1);
    });
    painted = colours;
  };
  return (c, plot) => {
    const isNew = of !== plot.x;
    if (isNew) [means, of] = [estimate(plot), plot.x];
    if (isNew || painted !== colours) paint();
    colourBar(c, plot, group);
    c.globalAlpha = 0.75;
    c.imageSmoothingEnabled = false;
    c.drawImage(cells, plot.box.left, plot.box.top, plot.box.right - plot.box.left, plot.box.bottom - plot.box.top);
    c.globalAlpha = 1;
  };
}

const MOST_STEPS = 16; // whole numbers that are told apart

// The place of the nearest value tried, where those are few whole numbers: between 3 and 4 layers there is nothing.
function tried(axis, shown) {
  const values = [...new Set(shown.map((i) => axis.values[i]).filter((value) => value !== null).map(Number))];
  if (values.length > MOST_STEPS || !values.every(Number.isInteger)) return (place) => place;
  const places = values.map(axis.place);
  return (place) => places.reduce((best, each) => (Math.abs(each - place) < Math.abs(best - place) ? each : best));
}

// The values that colours tell apart: outliers have the colour of the worst of the others.
function coloured(group) {
  const { spread, ranking } = report.groups[group];
  if (spread.bend === null) return [spread.axis_low, spread.axis_high];
  return ranking.type === "Minimize" ? [spread.axis_low, spread.bend] : [spread.bend, spread.axis_high];
}

// What the map's colours mean: from the best value to the worst.
function colourBar(c, { box, width, barTop }, group) {
  const [low, high] = coloured(group);
  const isLeast = report.groups[group].ranking.type === "Minimize";
  const [left, right] = [Math.max(box.left, width - 236), width - 16];
  const [from, to] = [left + 62, right - 62];
  for (let at = from; at < to; at++) {
    c.fillStyle = mixed((at - from) / (to - from));
    c.fillRect(at, barTop + 8, 1.5, 8);
  }
  c.fillStyle = colours.quiet;
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.fillText(shown(isLeast ? low : high), from - 6, barTop + 12, 56);
  c.textAlign = "left";
  c.fillText(shown(isLeast ? high : low), to + 6, barTop + 12, 56);
}

// A colour of the ramp: 0 is the best value's, 1 the worst's.
function mixed(share) {
  const at = Math.min(2.999, Math.max(0, share * 3));
  const [one, other] = [0, 1].map((step) => colours[`ramp-${Math.floor(at) + step + 1}`]);
  const part = (text, k) => parseInt(text.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round(part(one, k) + (part(other, k) - part(one, k)) * (at % 1))).join(" ")})`;
}

// Four steps from best to worst quarter.
function byRank(group) {
  const { ranked } = report.groups[group];
  return (i) => `ramp-${trials.group[i] === group ? 1 + Math.min(3, Math.floor((4 * (trials.rank[i] - 1)) / ranked)) : 4}`;
}

function slices(parent, id, label, group, names) {
  return names.slice(0, 12).map((name, k) => valueByParameter(parent.appendChild(element("div")), `${id}-${k}`, `${label} ${name}`, group, name, 230, k));
}

function timeline(parent, id, label) {
  const moments = (values) => values.map((text) => (text ? Date.parse(text) : null));
  const starts = moments(trials.started_at.map((at, i) => at ?? trials.created_at[i]));
  const ends = moments(trials.ended_at.map((at) => at ?? report.as_of));
  const order = all.filter((i) => starts[i] !== null).sort((a, b) => starts[a] - starts[b]);
  const lanes = Array(size).fill(null);
  // Each job takes the first lane that is free: as many lanes as jobs ran at once.
  const free = [];
  for (const i of order) {
    const lane = free.findIndex((until) => until <= starts[i]);
    free[lane < 0 ? free.length : lane] = ends[i];
    lanes[i] = lane < 0 ? free.length : lane + 1;
  }
  for (const i of order) lanes[i] = free.length + 1 - lanes[i];
  const height = Math.min(420, 84 + free.length * 16);
  const x = () => ({ ...time("time, UTC", [...starts, ...ends].filter((_, k) => inZoom(k % size))), values: starts });
  const y = () => ({ ...linear("jobs that ran at once, a lane each", lanes, 1, Math.max(2, free.length)), ticks: [], isDown: true });
  const mark = (c, plot, chosen) => {
    const thick = Math.max(1, Math.min(9, (plot.box.bottom - plot.box.top) / free.length - 2));
    for (const i of chosen) {
      const [from, to] = [plot.atX(starts[i]), plot.atX(ends[i])];
      c.fillStyle = colours[statusColour(i)];
      c.fillRect(from, plot.py[i] - thick / 2, Math.max(1.5, to - from - 1), thick);
      if (order.length <= 200 && trials.status[i] !== "Completed" && trials.rank[i] !== 1) shape(c, to - 6, plot.py[i], trials.status[i], colours.text);
    }
  };
  const plot = new Scatter(parent, id, { label, x, y, height, mark, isNamed: false, starAt: (i) => (plot.atX(starts[i]) + plot.atX(ends[i])) / 2 });
  return plot;
}

const AXES_ON_A_PHONE = 4; // beside the objective's
const FEW_LINES = 60; // that are told apart without being weighed
const LINES_A_FRAME = 300; // without a graphics card, more take longer than a frame

// Lines across one axis for each hyperparameter and one for the objective; each axis has a brush of its own.
class Parallel extends Canvas {
  constructor(parent, id, label, group, names) {
    super(parent, label, 360);
    Object.assign(this, { id, group, names });
    this.colour = byRank(group);
    this.brushes = new Map();
    this.fit();
    this.listen();
  }

  fit() {
    this.every = [...this.names.slice(0, 12).map(parameterAxis), valueAxis(this.group)];
    this.shown = all.filter((i) => trials.group[i] === this.group && inZoom(i)).sort((a, b) => trials.rank[b] - trials.rank[a]);
  }

  layout() {
    this.axes = this.width < NARROW && this.every.length > AXES_ON_A_PHONE + 1 ? [...this.every.slice(0, AXES_ON_A_PHONE), this.every.at(-1)] : this.every;
    this.top = 34;
    this.bottom = this.height - (this.axes === this.every ? 16 : 34);
    const [left, right] = [46, this.width - 60];
    this.xs = this.axes.map((_, k) => left + (k * (right - left)) / (this.axes.length - 1));
    this.ys = this.axes.map((axis) =>
      Float32Array.from(axis.values, (value, i) => (value === null ? NaN : this.bottom - axis.place(value) * (this.bottom - this.top) + (axis.isCategory ? jitter(i) * roomOf(axis, this.bottom - this.top, 10) : 0))),
    );
  }

  // While a brush moves, an even sample; then every line, some each frame.
  draw() {
    if (!this.width) return;
    this.isStale = false;
    const c = this.context(this.below);
    const chosen = this.shown.filter((i) => kept[i]);
    const rest = this.shown.filter((i) => !kept[i]);
    const layers = [["faint", Math.max(0.08, Math.min(0.6, 200 / this.shown.length)), rest]];
    // The better, the stronger: among hundreds of lines the good ones still stand out.
    const isFew = chosen.length <= FEW_LINES;
    for (const [name, lines, few] of [["ramp-4", 8, 0.5], ["ramp-3", 12, 0.6], ["ramp-2", 18, 0.8], ["ramp-1", 45, 0.9]]) {
      const which = chosen.filter((i) => this.colour(i) === name);
      layers.push([name, isFew ? few : Math.max(0.03, Math.min(few, lines / which.length)), which]);
    }
    const sample = layers.map(([name, alpha, which]) => [name, brushing ? alpha * 2 : alpha, brushing ? evenly(which, 60) : which]);
    this.drawing = this.paint(c, sample, chosen.filter((i) => trials.rank[i] === 1));
    this.next();
    this.drawAbove();
  }

  next() {
    const drawing = this.drawing;
    if (drawing && !drawing.next().done) requestAnimationFrame(() => drawing === this.drawing && this.next());
  }

  finish() {
    while (this.drawing && !this.drawing.next().done);
  }

  *paint(c, layers, best) {
    this.drawAxes(c);
    let painted = 0;
    for (const [name, alpha, which] of layers)
      for (let k = 0; k < which.length; k += LINES_A_FRAME) {
        if (painted && painted + which.length > LINES_A_FRAME) {
          yield;
          painted = 0;
        }
        const some = which.slice(k, k + LINES_A_FRAME);
        painted += some.length;
        c.strokeStyle = colours[name];
        c.globalAlpha = Math.min(1, alpha);
        c.lineWidth = 1;
        this.lines(c, some);
      }
    c.globalAlpha = 1;
    c.lineWidth = 3;
    c.strokeStyle = colours.best;
    this.lines(c, best);
    this.drawAxes(c);
  }

  lines(c, which) {
    for (const i of which) {
      c.beginPath();
      let isDown = false;
      for (let k = 0; k < this.axes.length; k++) {
        const y = this.ys[k][i];
        if (Number.isNaN(y)) isDown = false;
        else if (isDown) c.lineTo(this.xs[k], y);
        else c.moveTo(this.xs[k], y), (isDown = true);
      }
      c.stroke();
    }
  }

  drawAxes(c) {
    c.lineWidth = 1;
    if (this.axes !== this.every) {
      c.fillStyle = colours.quiet;
      c.textAlign = "left";
      c.textBaseline = "bottom";
      c.fillText(`The first ${AXES_ON_A_PHONE}; a wide screen shows all.`, 4, this.height - 2, this.width - 8);
    }
    const room = (this.xs[1] ?? this.width) - this.xs[0];
    this.axes.forEach((axis, k) => {
      const isLast = k === this.axes.length - 1;
      c.strokeStyle = colours.quiet;
      line(c, this.xs[k], this.top, this.xs[k], this.bottom);
      c.fillStyle = colours.text;
      c.textBaseline = "top";
      c.textAlign = isLast ? "right" : k ? "center" : "left";
      c.fillText(cut(axis.short ?? axis.label.replace(/ \(log scale\)$/, ""), 32), isLast ? this.width - 2 : k ? this.xs[k] : 4, k % 2 && room < 90 ? 4 : 17, Math.max(room * (room < 90 ? 1.9 : 0.95), 40));
      c.textAlign = "left";
      c.textBaseline = "middle";
      const taken = [];
      for (const [value, text] of axis.ticks) {
        const y = this.bottom - axis.place(value) * (this.bottom - this.top);
        if (y < this.top - 1 || y > this.bottom + 1 || (taken.some((other) => Math.abs(other - y) < 15))) continue;
        taken.push(y);
        const fitted = axis.isCategory ? fitting(c, text, Math.max(room, LEAST_SLOT) - 8) : text;
        this.chip(c, fitted, this.xs[k], y, Math.min(c.measureText(fitted).width, room - 8));
      }
    });
  }

  // A tick's label on a ground of its own: lines end before it.
  chip(c, text, x, y, wide) {
    c.fillStyle = colours.ground;
    c.globalAlpha = 0.85;
    c.fillRect(x + 2, y - 7, wide + 5, 14);
    c.globalAlpha = 1;
    c.strokeStyle = colours.quiet;
    line(c, x - 3, y, x + 3, y);
    c.fillStyle = colours.text;
    c.fillText(text, x + 5, y, wide);
  }

  drawAbove() {
    if (!this.width) return;
    const c = this.context(this.above);
    for (const [k, { y0, y1 }] of this.brushes) {
      c.fillStyle = colours.best;
      c.globalAlpha = 0.3;
      c.fillRect(this.xs[k] - 8, y0, 16, y1 - y0);
      c.globalAlpha = 1;
      c.strokeStyle = colours.text;
      c.strokeRect(this.xs[k] - 8, y0, 16, y1 - y0);
    }
    if (focused >= 0 && this.shown.includes(focused)) {
      c.strokeStyle = colours.text;
      c.lineWidth = 3;
      this.lines(c, [focused]);
    }
  }

  select() {
    const active = [...this.brushes];
    setFilter(this.id, active.length ? (i) => active.every(([k, { y0, y1 }]) => this.ys[k][i] >= y0 && this.ys[k][i] <= y1) : null);
    this.drawAbove();
  }

  clear() {
    this.brushes.clear();
    this.select();
  }

  nearest(x, y) {
    const k = Math.max(0, Math.min(this.axes.length - 2, this.xs.findLastIndex((at) => at <= x)));
    const share = (x - this.xs[k]) / (this.xs[k + 1] - this.xs[k]);
    let [best, least] = [-1, 8];
    for (const i of this.shown) {
      if (!kept[i]) continue;
      const distance = Math.abs(this.ys[k][i] * (1 - share) + this.ys[k + 1][i] * share - y);
      if (distance <= least) [best, least] = [i, distance];
    }
    return best;
  }

  listen() {
    let axis = -1;
    let from = 0;
    const at = (event) => {
      const box = this.above.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.above.addEventListener("pointerdown", (event) => {
      const [x, y] = at(event);
      const gaps = this.xs.map((each) => Math.abs(each - x));
      axis = gaps.indexOf(Math.min(...gaps));
      from = y;
      this.above.setPointerCapture(event.pointerId);
    });
    this.above.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (axis >= 0 && Math.abs(y - from) > 4) {
        setBrushing(true);
        this.brushes.set(axis, { y0: Math.min(y, from), y1: Math.max(y, from) });
        showTip(-1);
        soon(this.id, () => this.select());
      } else if (axis < 0) {
        const i = this.nearest(x, y);
        setFocus(i);
        showTip(i, event.clientX, event.clientY);
      }
    });
    this.above.addEventListener("pointerup", (event) => {
      const [x, y] = at(event);
      const isClick = axis >= 0 && Math.abs(y - from) <= 4;
      const i = isClick ? this.nearest(x, y) : -1;
      if (isClick && !this.brushes.delete(axis) && i >= 0) goTo(i);
      axis = -1;
      this.select();
      setBrushing(false);
    });
    this.above.addEventListener("pointerleave", () => (setFocus(-1), showTip(-1)));
    this.above.addEventListener("keydown", (event) => walk(event, this.shown.filter((i) => kept[i]).reverse(), this));
  }
}

// At most `most` of them, spread evenly.
function evenly(which, most) {
  if (which.length <= most) return which;
  return Array.from({ length: most }, (_, k) => which[Math.floor((k * which.length) / most)]);
}

function makeChart(figure) {
  const { kind, group, parameters } = figure.dataset;
  const parent = figure.querySelector(".plot");
  if (!parent) return [];
  const label = `${figure.querySelector("h3").textContent}. ${figure.querySelector("figcaption").textContent}`;
  const [at, names] = [Number(group), JSON.parse(parameters)];
  const make = {
    "value by parameter": () => valueByParameter(parent, figure.id, label, at, names[0]),
    history: () => trialByTrial(parent, figure.id, label, at),
    contour: () => contour(parent, figure.id, label, at, names),
    slices: () => slices(parent, figure.id, label, at, names),
    "parallel coordinates": () => new Parallel(parent, figure.id, label, at, names),
    "learning curves": () => new Curves(parent, figure.id, label, at),
    front: () => frontier(parent, figure.id, label, at),
    timeline: () => timeline(parent, figure.id, label),
  }[kind];
  return [make()].flat();
}
