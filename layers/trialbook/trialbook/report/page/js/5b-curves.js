// How trials learned: a line for each, thick for the best, dashed for the median, dotted for training data: the best's, or
// that of the trials selected if they are few.
const FEW_CURVES = 5; // selected trials whose training curves are drawn too
const ON_LINE = 12; // pixels from a line

class Curves extends Scatter {
  constructor(parent, id, label, group) {
    const { ranking, learning: found } = report.groups[group];
    const curves = new Map(found.curves.filter((each) => each.x.length).map((each) => [each.trial, each]));
    const values = all.map((i) => (curves.has(i) ? 0 : null));
    const axis = (found.is_log ? logarithmic : linear)(`${found.metric} (${ranking.type === "Minimize" ? "lower" : "higher"} is better)`, values, found.axis_low, found.axis_high);
    // The axis ends where that of the figures does: they are thinned for its pixels.
    const [from, to] = [found.axis_low, found.axis_high].map(axis.place);
    const ticks = axis.ticks.filter(([value]) => value >= found.axis_low && value <= found.axis_high);
    const y = { ...axis, ticks, place: (value) => (axis.place(Math.min(Math.max(value, found.axis_low), found.axis_high)) - from) / (to - from) };
    super(parent, id, { label, x: () => ({ values, label: "", ticks: [] }), y: () => y, height: found.pixels + MARGIN.top + MARGIN.bottom, colour: byRank(group) });
    Object.assign(this, { found, curves, byTime: false });
    if (found.axis === "iteration" && this.shown.some((i) => trials.duration_seconds[i])) this.offerTime();
  }

  offerTime() {
    const choice = element("select", { "aria-label": "Horizontal axis" }, element("option", {}, "by iteration"), element("option", {}, "by time, at an even pace"));
    choice.addEventListener("change", () => {
      this.byTime = choice.selectedIndex === 1;
      this.clear();
      this.layout();
      this.draw();
    });
    this.parent.before(element("p", { class: "hint screen" }, choice));
  }

  // A trial's x along the axis chosen.
  along(i, x) {
    return this.byTime ? ((trials.duration_seconds[i] ?? 0) * x) / (this.curves.get(i).x.at(-1) || 1) : x;
  }

  layout() {
    const { left, right, top, bottom } = MARGIN;
    this.box = { left, top, right: this.width - (this.width < NARROW ? right : left), bottom: this.height - bottom };
    const ends = this.shown.flatMap((i) => [0, -1].map((end) => this.along(i, this.curves.get(i).x.at(end))));
    const label = this.byTime ? "seconds since the start" : this.found.axis === "iteration" ? "iteration" : "seconds since the first point";
    this.x = { ...this.x, ...linear(label, this.x.values, ...extent(ends), { most: 8, whole: !this.byTime }) };
    this.lines = new Map();
    for (const i of this.shown) {
      const points = this.pixels(this.curves.get(i).x.map((x) => this.along(i, x)), this.curves.get(i).y);
      const [x, y] = points.findLast((point) => point[1] >= 0) ?? [NaN, NaN];
      this.lines.set(i, points);
      this.px[i] = x;
      this.py[i] = y;
    }
    this.order = this.shown;
  }

  pixels(xs, ys) {
    return xs.map((x, k) => [this.atX(x), ys[k] === null ? NaN : this.atY(ys[k])]);
  }

  draw() {
    if (!this.width) return;
    this.isStale = false;
    const c = this.context(this.below);
    drawAxes(c, this);
    const best = this.shown.find((i) => trials.rank[i] === 1);
    const chosen = this.shown.filter((i) => kept[i]);
    const isFew = chosen.length <= FEW_CURVES;
    for (const i of this.shown) if (!kept[i]) stroke(c, this.lines.get(i), "faint", 1, 0.6);
    for (const i of [...chosen].reverse()) stroke(c, this.lines.get(i), this.colour(i), isFew ? 2 : 1, Math.max(0.2, Math.min(0.9, 30 / chosen.length)));
    if (!this.byTime) stroke(c, this.pixels(this.found.median_x, this.found.median_y), "text", 2, 1, [7, 4]);
    if (best !== undefined && kept[best]) stroke(c, this.lines.get(best) ?? [], "best", 3, 1);
    for (const i of isFew ? chosen : chosen.filter((each) => each === best)) this.training(c, i, i === best ? "best" : this.colour(i));
    for (const i of chosen) if (this.curves.get(i).diverged_at !== null) shape(c, this.px[i], this.py[i], "Failed", colours.failed);
    this.drawAbove();
  }

  training(c, i, colour) {
    const { train_x: xs, train_y: ys } = this.curves.get(i);
    stroke(c, this.pixels(xs.map((x) => this.along(i, x)), ys), colour, 2, 1, [2, 3]);
  }

  drawAbove() {
    super.drawAbove();
    if (!this.width || !this.lines?.has(focused)) return;
    const c = this.above.getContext("2d");
    stroke(c, this.lines.get(focused), "text", 2, 1);
    this.training(c, focused, "text");
  }

  // The trial whose line is nearest, straight up or down.
  nearest(x, y) {
    let [best, least] = [-1, ON_LINE];
    for (const i of this.shown) {
      const away = Math.abs(heightAt(this.lines.get(i), x) - y);
      if (kept[i] && away < least) [best, least] = [i, away];
    }
    return best;
  }

  // Trials whose line passes the rectangle.
  select() {
    const b = this.brush;
    setFilter(this.id, b && ((i) => this.lines.has(i) && passes(this.lines.get(i), b)));
    this.drawAbove();
  }

  // The brush of the keyboard: the trials between two, by rank.
  stretch(from, to) {
    const [first, last] = [from, to].map((i) => this.shown.indexOf(i)).sort((a, b) => a - b);
    const chosen = new Set(this.shown.slice(first, last + 1));
    setFilter(this.id, (i) => chosen.has(i));
  }
}

function stroke(c, points, colour, wide, alpha, dash = []) {
  c.strokeStyle = colours[colour];
  c.lineWidth = wide;
  c.globalAlpha = alpha;
  c.lineJoin = "round";
  c.setLineDash(dash);
  c.beginPath();
  let isDown = false;
  for (const [x, y] of points) {
    if (isDown && y >= 0) c.lineTo(x, y);
    else c.moveTo(x, y);
    isDown = y >= 0;
  }
  c.stroke();
  c.setLineDash([]);
  c.globalAlpha = 1;
}

// Where a line is at a place on the x axis; NaN beyond its ends and in its gaps.
function heightAt(points, x) {
  const k = points.findIndex(([at]) => at >= x);
  if (k <= 0) return k === 0 && points[0][0] === x ? points[0][1] : NaN;
  const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
  return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

function passes(points, { x0, y0, x1, y1 }) {
  const isBetween = (y) => y >= y0 && y <= y1;
  if (points.some(([x, y]) => x >= x0 && x <= x1 && isBetween(y)) || [x0, x1].some((x) => isBetween(heightAt(points, x)))) return true;
  // A steep line crosses the rectangle from above to below.
  return points.some(([x, y], k) => k && x >= x0 && points[k - 1][0] <= x1 && Math.min(y, points[k - 1][1]) < y0 && Math.max(y, points[k - 1][1]) > y1);
}

// What a trial's curve says, for its tip.
function learned(i) {
  const { learning } = report.groups[trials.group[i] ?? 0] ?? {};
  const found = learning?.curves.find((each) => each.trial === i);
  if (!found) return [];
  const at = learning.axis === "iteration" ? (x) => `iteration ${shown(x)}` : lasting;
  return [["as good as the best’s value", found.passed_at], ["diverged", found.diverged_at], ["overfits from", found.overfits_from]].filter(([, x]) => x !== null).map(([what, x]) => `${what}: ${at(x)}`);
}

// Where each trial was first as good as the best's value, and where it went wrong, as columns of the table.
function learningColumns(add) {
  const whats = { passed_at: "As good as the best’s value at", diverged_at: "Diverged at", overfits_from: "Overfits from" };
  for (const [key, what] of Object.entries(whats)) {
    const values = Array(size).fill(null);
    for (const { learning } of report.groups) for (const each of learning?.curves ?? []) values[each.trial] = each[key];
    add(`l:${key}`, what, values, { isShown: false, numeric: true });
  }
}
