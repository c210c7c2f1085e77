// A plot on canvas: axes, marks, a brush, and keys. One canvas for the marks, one above for brush and focus.
const COLOURS = ["text", "quiet", "grid", "point", "best", "failed", "stopped", "running", "faint", "ground", "ramp-1", "ramp-2", "ramp-3", "ramp-4"];
let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

const FONT = '12px system-ui, "Liberation Sans", Arial, sans-serif';
const NARROW = 480; // pixels: a phone
const MARGIN = { left: 62, right: 16, top: 26, bottom: 46 };
const SPARSE = 60; // marks; beyond, those of equal values are drawn beside each other
const DENSE = 2500; // marks; beyond, squares of three pixels are drawn in place of shapes
const statusColour = (i) => ({ Completed: "point", Failed: "failed", Stopped: "stopped" })[trials.status[i]] ?? "running";

class Canvas {
  constructor(parent, label, height) {
    this.parent = parent;
    this.height = height;
    this.below = element("canvas", { "aria-hidden": "true" });
    this.above = element("canvas", { tabindex: "0", role: "application", "aria-roledescription": "chart", "aria-label": label, "aria-describedby": "how" });
    parent.append(this.below, this.above);
    new ResizeObserver(() => this.resize()).observe(parent);
    new IntersectionObserver(([seen]) => this.see(seen.isIntersecting), { rootMargin: "100px" }).observe(parent);
    onSelection.push(() => this.refresh());
    onFocus.push(() => this.inView && this.drawAbove());
    redraws.push(() => this.draw());
    onZoom.push(() => this.rescale());
  }

  // New axes, for what a reader zoomed in on.
  rescale() {
    this.fit();
    if (!this.width) return;
    this.layout();
    this.refresh();
  }

  // What is out of view is drawn when it comes into view.
  see(inView) {
    this.inView = inView;
    if (inView && this.isStale) this.draw();
  }

  refresh() {
    if (this.inView) this.draw();
    else this.isStale = true, whenIdle();
  }

  resize() {
    const width = Math.max(200, this.parent.clientWidth);
    if (width === this.width || onPaper) return; // on paper the picture is scaled
    const isFirst = this.width === undefined;
    this.width = width;
    for (const canvas of [this.below, this.above]) {
      canvas.width = width * SHARP;
      canvas.height = this.height * SHARP;
      canvas.style.height = `${this.height}px`;
    }
    this.layout();
    if (isFirst) this.refresh();
    else this.draw(); // what was drawn is gone with the old size, and a picture of the page may be under way
  }

  context(canvas) {
    if (onPaper) canvas.width = this.width * SHARP; // empties it too: what clearRect empties, Chromium prints as blank
    const context = canvas.getContext("2d");
    context.setTransform(SHARP, 0, 0, SHARP, 0, 0);
    if (!onPaper) context.clearRect(0, 0, this.width, this.height);
    context.font = FONT;
    return context;
  }
}

// How far apart points of one category may lie: not into the next one.
const roomOf = (axis, length, most) => Math.min(most, length / axis.ticks.length / 2);

const SHARP = Math.max(2, Math.ceil(devicePixelRatio || 1)); // also sharp on paper
const redraws = [];

// Trials as points; `x` and `y` make their axes. `lane` names the strip at the top where those without a value stand, null
// for none; `path` is the line that is drawn over or under them.
class Scatter extends Canvas {
  constructor(parent, id, { label, x, y, lane = null, height = 300, mark = null, behind = null, over = null, path = null, starAt = null, isNamed = true, hasRings = false, hasBar = false, belongs = () => true, colour = statusColour }) {
    super(parent, label, height);
    Object.assign(this, { id, makeX: x, makeY: y, lane, mark, behind, over, path, starAt, isNamed, hasRings, hasBar, belongs, colour });
    this.brush = null;
    this.fit();
    this.listen();
  }

  fit() {
    [this.x, this.y] = [this.makeX(), this.makeY()];
    this.shown = all.filter((i) => inZoom(i) && this.belongs(i) && this.x.values[i] !== null && this.x.values[i] !== undefined);
    this.px = new Float32Array(size).fill(NaN);
    this.py = new Float32Array(size).fill(NaN);
  }

  layout() {
    const { left, right, top, bottom } = MARGIN;
    const lane = this.lane === null ? 0 : 22;
    this.barTop = this.hasBar && this.width < NARROW ? 20 : 0; // there the title leaves no room beside it
    this.rows = rowsOf(this.x, this.width - left - right);
    this.box = { left, top: top + lane + this.barTop, right: this.width - right, bottom: this.height - bottom - (this.rows - 1) * LABEL_ROW };
    for (const i of this.shown) {
      this.px[i] = this.atX(this.x.values[i]) + (this.x.isCategory || (this.x.isFew && this.shown.length > SPARSE) ? jitter(i) * roomOf(this.x, this.box.right - this.box.left, 16) : 0);
      const value = this.y.values[i];
      this.py[i] = value === null ? (this.lane === null ? NaN : top + lane / 2) : this.atY(value) + (this.y.isCategory ? jitter(i) * roomOf(this.y, this.box.bottom - this.box.top, 12) : 0);
    }
    this.order = [...this.shown].sort((a, b) => this.px[a] - this.px[b]);
    this.line = this.path ? this.path(this) : [];
    this.spot = undefined; // of the best trial's value
  }

  // What a label may not cover: left, top, right and bottom of each mark, and of each step of the line.
  marks() {
    const reach = this.shown.length > DENSE ? 2 : 5;
    const points = this.shown.map((i) => [this.px[i] - reach, this.py[i] - reach, this.px[i] + reach, this.py[i] + reach]);
    const steps = this.line.slice(1).map(([x, y], k) => [Math.min(x, this.line[k][0]) - 3, Math.min(y, this.line[k][1]) - 3, Math.max(x, this.line[k][0]) + 3, Math.max(y, this.line[k][1]) + 3]);
    return [...points, ...steps];
  }

  atX(value) {
    return this.box.left + this.x.place(value) * (this.box.right - this.box.left);
  }

  atY(value) {
    return this.box.bottom - this.y.place(value) * (this.box.bottom - this.box.top);
  }

  draw() {
    if (!this.width) return;
    this.isStale = false;
    const c = this.context(this.below);
    drawAxes(c, this);
    if (this.behind) this.behind(c, this);
    const isDense = this.shown.length > DENSE;
    const drawn = brushing && !this.mark ? evenly(this.shown, DENSE) : this.shown;
    const rest = drawn.filter((i) => !kept[i]);
    const chosen = drawn.filter((i) => kept[i]);
    c.fillStyle = colours.faint;
    for (const i of rest) c.fillRect(this.px[i] - 1.5, this.py[i] - 1.5, 3, 3);
    if (this.mark) this.mark(c, this, chosen);
    else if (isDense) dots(c, this, chosen);
    else for (const i of chosen) shape(c, this.px[i], this.py[i], trials.status[i], colours[this.colour(i)], this.hasRings);
    if (this.over && !brushing) this.over(c, this);
    if (this.y.far) farOff(c, this, chosen.filter(this.y.far));
    for (const i of this.shown) if (trials.rank[i] === 1 && kept[i] && this.y.values[i] !== null) this.star(c, i);
    this.drawAbove();
  }

  drawAbove() {
    if (!this.width) return;
    const c = this.context(this.above);
    if (this.brush) {
      const { x0, y0, x1, y1 } = this.brush;
      c.fillStyle = colours.point;
      c.globalAlpha = 0.12;
      c.fillRect(x0, y0, x1 - x0, y1 - y0);
      c.globalAlpha = 1;
      c.strokeStyle = colours.text;
      c.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    if (focused >= 0 && this.py[focused] >= 0) {
      c.strokeStyle = colours.text;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(this.px[focused], this.py[focused], 8, 0, 7);
      c.stroke();
    }
  }

  star(c, i) {
    const [x, y, text] = [this.starAt ? this.starAt(i) : this.px[i], this.py[i], shown(trials.value[i])];
    star(c, x, y);
    if (!this.isNamed) return;
    c.font = `600 ${FONT}`;
    if (this.spot === undefined) this.spot = freeSpot([x, y], [c.measureText(text).width, 14], this.marks(), this);
    if (this.spot) named(c, [x, y], this.spot, text);
    c.font = FONT;
  }

  nearest(x, y) {
    let [best, least] = [-1, 400];
    for (const i of this.shown) {
      const distance = (this.px[i] - x) ** 2 + (this.py[i] - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  select() {
    const b = this.brush;
    setFilter(this.id, b && ((i) => this.px[i] >= b.x0 && this.px[i] <= b.x1 && this.py[i] >= b.y0 && this.py[i] <= b.y1));
    this.drawAbove();
  }

  clear() {
    this.brush = null;
    this.select();
  }

  // All trials between two, whatever their value: the brush of the keyboard.
  stretch(from, to) {
    const { top, bottom } = this.box;
    this.brush = { x0: Math.min(this.px[from], this.px[to]) - 1, x1: Math.max(this.px[from], this.px[to]) + 1, y0: top - (this.lane === null ? 6 : 22), y1: bottom };
    this.select();
  }

  listen() {
    let from = null;
    const at = (event) => {
      const box = this.above.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.above.addEventListener("pointerdown", (event) => {
      from = at(event);
      this.above.setPointerCapture(event.pointerId);
    });
    this.above.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (from && Math.hypot(x - from[0], y - from[1]) > 4) {
        this.brush = { x0: Math.min(x, from[0]), x1: Math.max(x, from[0]), y0: Math.min(y, from[1]), y1: Math.max(y, from[1]) };
        showTip(-1);
        setBrushing(true);
        soon(this.id, () => this.select());
      } else if (!from) {
        const i = this.nearest(x, y);
        setFocus(i);
        showTip(i, event.clientX, event.clientY);
      }
    });
    this.above.addEventListener("pointerup", (event) => {
      const [x, y] = at(event);
      if (from && Math.hypot(x - from[0], y - from[1]) <= 4) {
        const i = this.nearest(x, y);
        if (i >= 0) goTo(i);
        else this.clear();
      }
      from = null;
      setBrushing(false);
    });
    this.above.addEventListener("pointerleave", () => (setFocus(-1), showTip(-1)));
    this.above.addEventListener("keydown", (event) => walk(event, event.shiftKey ? this.order : this.order.filter((i) => kept[i]), this));
  }
}

// Arrow keys go from trial to trial; a screen reader hears each.
function walk(event, order, plot) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step && order.length) {
    const from = order.indexOf(focused);
    const i = event.shiftKey && from >= 0 ? order[Math.max(0, Math.min(order.length - 1, from + step))] : order[(from + step + order.length) % order.length];
    if (!event.shiftKey) plot.anchor = i;
    else plot.stretch?.((plot.anchor ??= i), i);
    setFocus(i);
    say(`${describe(i).replaceAll("\n", ", ")}${event.shiftKey ? `; ${keptCount} selected` : ""}`);
    const box = plot.above.getBoundingClientRect();
    showTip(i, box.left + (plot.px?.[i] ?? 20), box.top + (plot.py?.[i] ?? 20));
  } else if (event.key === "Enter" && focused >= 0) goTo(focused);
  else if (event.key === "Escape") plot.clear();
  else return;
  event.preventDefault();
}

// Values too far off for the axis lie at its end, marked and counted.
function farOff(c, { px, py, box }, which) {
  c.strokeStyle = c.fillStyle = colours.quiet;
  c.lineWidth = 1.5;
  for (const i of which) {
    const isUp = py[i] < (box.top + box.bottom) / 2;
    c.beginPath();
    c.moveTo(px[i] - 5, py[i] + (isUp ? -5 : 5)), c.lineTo(px[i], py[i] + (isUp ? -11 : 11)), c.lineTo(px[i] + 5, py[i] + (isUp ? -5 : 5));
    c.stroke();
  }
  if (!which.length) return;
  c.textAlign = "right";
  c.textBaseline = "top";
  c.fillText(`${which.length.toLocaleString("en")} far off`, box.right, 4);
}

const LEAST_SLOT = 60; // pixels of a category's label: where categories are closer, some have none
const LABEL_ROW = 14; // pixels
const LETTER = 6.2; // pixels, about

// Categories whose labels have no room in one row have two: every other label is below its neighbours.
function rowsOf(x, width) {
  if (!x.isCategory || x.ticks.length > FEW_CATEGORIES) return 1;
  const labels = [...x.ticks].sort(([one], [other]) => x.place(one) - x.place(other)).map(([, text]) => text);
  const pairs = labels.slice(1).map((text, at) => ((text.length + labels[at].length) / 2) * LETTER + 8);
  return pairs.some((needed) => needed > width / labels.length) ? 2 : 1;
}

const jitter = (i) => ((i * 0.618034) % 1) - 0.5; // the same at each drawing

function drawAxes(c, { x, y, box, lane, width, rows = 1 }) {
  if (y.strip) {
    const [from, to] = y.strip.map((share) => box.bottom - share * (box.bottom - box.top));
    c.fillStyle = colours.grid;
    c.globalAlpha = 0.6;
    c.fillRect(box.left, to, box.right - box.left, from - to);
    c.globalAlpha = 1;
  }
  c.strokeStyle = colours.grid;
  c.fillStyle = colours.quiet;
  c.lineWidth = 1;
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (const [value, text] of y.ticks) {
    const at = Math.round(box.bottom - y.place(value) * (box.bottom - box.top)) + 0.5;
    if (at < box.top - 1 || at > box.bottom + 1) continue;
    line(c, box.left, at, box.right, at);
    c.fillText(fitting(c, text, box.left - 10), box.left - 7, at);
  }
  c.textAlign = "center";
  c.textBaseline = "top";
  const taken = Array.from({ length: rows }, () => []);
  const slot = x.isCategory ? Math.max(((box.right - box.left) * rows) / x.ticks.length - 8, LEAST_SLOT) : Infinity;
  for (const [value, complete] of x.ticks) {
    const place = x.place(value);
    const row = Math.floor(place * x.ticks.length) % rows || 0;
    const at = box.left + place * (box.right - box.left);
    if (at > box.right + 2 || taken[row].some(([from, to]) => from <= at && at <= to)) continue;
    const text = fitting(c, complete, slot);
    const half = c.measureText(text).width / 2;
    const middle = Math.max(Math.min(at, width - half - 1), half + 1); // whole within the picture
    if (taken[row].some(([from, to]) => middle + half + 8 > from && middle - half - 8 < to)) continue;
    taken[row].push([middle - half, middle + half]);
    c.fillText(text, middle, box.bottom + 7 + row * LABEL_ROW);
  }
  c.strokeStyle = colours.quiet;
  line(c, box.left, box.bottom + 0.5, box.right, box.bottom + 0.5);
  c.fillStyle = colours.text;
  c.fillText(cut(x.label, 70), (box.left + box.right) / 2, box.bottom + 26 + (rows - 1) * LABEL_ROW, box.right - box.left);
  c.textAlign = "left";
  if (y.label) c.fillText(`${y.isDown ? "↓" : "↑"} ${cut(y.label, 60)}`, 4, 4, width - 8);
  if (lane !== null) {
    c.fillStyle = colours.quiet;
    c.textAlign = "right";
    c.textBaseline = "middle";
    c.fillText(lane, box.left - 7, box.top - 11, box.left - 8);
    c.textAlign = "left";
  }
}

// The text, or as much of its beginning and its end as has room: names differ in either.
function fitting(c, text, room) {
  let length = text.length;
  while (length > 3 && c.measureText(middleCut(text, length)).width > room) length--;
  return middleCut(text, length);
}

function middleCut(text, longest) {
  const end = Math.floor((longest - 1) / 2);
  return text.length <= longest ? text : `${text.slice(0, longest - 1 - end)}…${end ? text.slice(-end) : ""}`;
}

function line(c, x0, y0, x1, y1) {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
}

// Status is shown by shape as well as by colour.
function shape(c, x, y, status, colour, hasRing = false) {
  c.strokeStyle = c.fillStyle = colour;
  c.lineWidth = 2;
  c.beginPath();
  if (status === "Failed") {
    c.moveTo(x - 4, y - 4), c.lineTo(x + 4, y + 4), c.moveTo(x + 4, y - 4), c.lineTo(x - 4, y + 4);
    c.stroke();
  } else if (status === "Stopped") {
    c.moveTo(x, y - 4), c.lineTo(x + 4, y + 3), c.lineTo(x - 4, y + 3), c.closePath();
    c.lineWidth = 1.2;
    c.globalAlpha = hasRing ? 1 : 0.6;
    if (hasRing) c.fill(), (c.strokeStyle = colours.text);
    c.stroke();
    c.globalAlpha = 1;
  } else if (status === "Completed") {
    c.arc(x, y, 4, 0, 7);
    c.globalAlpha = hasRing ? 1 : 0.75;
    c.fill();
    c.globalAlpha = 1;
    if (hasRing) ring(c, x, y);
  } else {
    c.rect(x - 4, y - 4, 8, 8);
    c.stroke();
  }
}

// On a coloured ground a point has a ring in the text's colour.
function ring(c, x, y) {
  c.beginPath();
  c.arc(x, y, 4.5, 0, 7);
  c.lineWidth = 1;
  c.strokeStyle = colours.text;
  c.stroke();
}

// So many that they cover each other: where they are dense, they are darker.
function dots(c, plot, chosen) {
  c.globalAlpha = Math.max(0.25, Math.min(1, DENSE / chosen.length));
  const layers = Object.fromEntries(["point", "stopped", "running", "failed", "ramp-4", "ramp-3", "ramp-2", "ramp-1"].map((name) => [name, []]));
  for (const i of chosen) layers[plot.colour(i)].push(i);
  for (const [name, which] of Object.entries(layers)) {
    c.fillStyle = colours[name];
    for (const i of which) c.fillRect(plot.px[i] - 1.5, plot.py[i] - 1.5, 3, 3);
  }
  c.globalAlpha = 1;
}

function star(c, x, y) {
  c.fillStyle = colours.best;
  c.strokeStyle = colours.ground;
  c.lineWidth = 2;
  c.beginPath();
  for (let k = 0; k < 10; k++) {
    const radius = k % 2 ? 4 : 9;
    c.lineTo(x + radius * Math.sin((k * Math.PI) / 5), y - radius * Math.cos((k * Math.PI) / 5));
  }
  c.closePath();
  c.stroke();
  c.fill();
}

const DISTANCES = [16, 22, 30, 40, 52, 66, 84]; // pixels between a star and the nearest edge of its label
const DIRECTIONS = [315, 225, 0, 180, 270, 45, 135, 90, 290, 250, 337, 203, 23, 157]; // degrees, clockwise from the right

// The middle of the nearest place where a label of that size covers no mark; null where there is none.
function freeSpot([x, y], [width, height], marks, { box, y: axis, lane }) {
  const top = lane === null && axis.isDown ? 2 : box.top;
  for (const far of DISTANCES)
    for (const turn of DIRECTIONS) {
      const [u, v] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
      const [mx, my] = [x + u * (far + width / 2), y + v * (far + height / 2 - 7)];
      const [l, t, r, b] = [mx - width / 2 - 2, my - height / 2, mx + width / 2 + 2, my + height / 2];
      if (l < box.left || r > box.right || t < top || b > box.bottom) continue;
      if (l < x + 10 && r > x - 10 && t < y + 10 && b > y - 10) continue;
      if (!marks.some(([ml, mt, mr, mb]) => l < mr && r > ml && t < mb && b > mt)) return [mx, my];
    }
  return null;
}

// A label beside its mark, with a line to it where it stands apart.
function named(c, [x, y], [mx, my], text) {
  const half = c.measureText(text).width / 2;
  const [nx, ny] = [Math.min(Math.max(x, mx - half), mx + half), Math.min(Math.max(y, my - 7), my + 7)];
  if (Math.hypot(nx - x, ny - y) > 26) {
    const share = 11 / Math.hypot(nx - x, ny - y);
    c.strokeStyle = colours.best;
    c.lineWidth = 1;
    line(c, x + (nx - x) * share, y + (ny - y) * share, nx, ny);
  }
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.strokeStyle = colours.ground;
  c.lineWidth = 4;
  c.strokeText(text, mx, my);
  c.fillStyle = colours.best;
  c.fillText(text, mx, my);
}
