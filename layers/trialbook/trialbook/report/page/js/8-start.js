// Everything is there: draw it, and listen.
let plots = [];
function clearAll() {
  search.value = "";
  setFilter("search", null);
  plots.forEach((plot) => plot.clear());
  if (zoomed) setZoom(null);
}

// What is selected, and what can be done with it, wherever the reader is.
const bar = document.getElementById("selection");
function tellSelection() {
  bar.hidden = filters.size === 0;
  bar.firstElementChild.textContent = `${keptCount.toLocaleString("en")} of ${size.toLocaleString("en")}`;
  document.getElementById("zoom").disabled = keptCount === 0 || (zoomed !== null && zoomed.every((is, i) => is === kept[i]));
  document.getElementById("unzoom").hidden = zoomed === null;
}

function zoomIn() {
  const chosen = kept.slice();
  search.value = "";
  setFilter("search", null);
  setZoom(chosen);
  plots.forEach((plot) => plot.clear());
  tellSelection();
  say(`The charts show ${keptCount} trials.`);
}

function zoomOut() {
  setZoom(null);
  plots.forEach((plot) => plot.clear());
  say("The charts show all trials.");
}

readColours();
plots = [...document.querySelectorAll("figure.chart")].flatMap(makeChart);
chooseColumns();
drawTable();
new IntersectionObserver(([seen]) => (isInView = seen.isIntersecting)).observe(rows);
onSelection.push(() => {
  if (isInView || !brushing) drawTable();
});
onSelection.push(tellSelection);
onFocus.push(markFocus);
rows.addEventListener("scroll", () => order.length > PLENTY && soon("rows", drawRows));
search.addEventListener("input", () => soon("search", find));
for (const id of ["clear", "unselect"]) document.getElementById(id).addEventListener("click", clearAll);
document.getElementById("zoom").addEventListener("click", zoomIn);
document.getElementById("unzoom").addEventListener("click", zoomOut);
document.getElementById("csv").addEventListener("click", () => save(`${fileName}.csv`, "text/csv;charset=utf-8", csv()));
document.getElementById("json").addEventListener("click", () => save(`${fileName}.json`, "application/json", source));
for (const button of document.querySelectorAll("[data-copy]"))
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.nextElementSibling.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });

// What is out of view is drawn too, some at a time when nothing else is to do: for pictures of the whole page.
const AT_ONCE = 30; // milliseconds
let isIdle = false;
function whenIdle() {
  if (isIdle) return;
  isIdle = true;
  requestIdleCallback(drawStale, { timeout: 100 });
}

function drawStale() {
  isIdle = false;
  const until = performance.now() + AT_ONCE;
  do {
    const stale = brushing ? null : plots.find((plot) => plot.isStale);
    if (!stale) return;
    stale.draw();
  } while (performance.now() < until);
  whenIdle();
}

function recolour() {
  readColours();
  redraws.forEach((draw) => draw());
}

// Paper takes every chart, drawn to its end, in colours for white ground.
function toPaper(isPrinting) {
  onPaper = isPrinting;
  document.documentElement.classList.toggle("paper", isPrinting);
  drawTable();
  recolour();
  if (isPrinting) plots.forEach((plot) => plot.finish?.());
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
addEventListener("beforeprint", () => toPaper(true));
addEventListener("afterprint", () => toPaper(false));
addEventListener("hashchange", follow);
requestAnimationFrame(follow);
