// Charts out of `data-chart`: the day's curve, and bars of spend. Colours are the page's own.
"use strict";

(() => {
  const drawn = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = "12px Inter, system-ui, sans-serif";

  const ruler = document.createElement("canvas").getContext("2d");

  // As wide as its widest label: a fixed width is a tenth of a phone's screen.
  function room(_, labels) {
    ruler.font = font;
    return 12 + Math.ceil(Math.max(16, ...(labels ?? []).map((label) => ruler.measureText(label).width)));
  }

  function dollars(value) {
    const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function axes(times) {
    const common = { stroke: colour("dim"), font, ticks: { show: false }, grid: { stroke: colour("line"), width: 1 } };
    return [
      { ...common, grid: { show: false }, ticks: { show: true, stroke: colour("line"), size: 4 }, size: 30, ...times },
      { ...common, size: room, values: (_, marks) => marks.map((v) => v.toLocaleString("en-US", { maximumFractionDigits: 4 })) },
    ];
  }

  function wall(zone, shape) {
    const format = new Intl.DateTimeFormat(shape.month ? "en-US" : "en-GB", { timeZone: zone, ...shape });
    return (seconds) => format.format(new Date(seconds * 1000));
  }

  function day(box, said) {
    const clock = wall(said.zone, { hour: "2-digit", minute: "2-digit" });
    const data = [said.x, said.today, said.before];
    const top = Math.max(...said.today.filter(Number.isFinite), ...said.before.filter(Number.isFinite), 0.0001);
    const near = said.limit !== null && said.limit <= top * 3;
    const series = [
      {},
      { stroke: colour("accent"), width: 2.5, fill: `${colour("accent")}1f`, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) },
      { stroke: colour("before"), width: 1.5, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) },
    ];
    const mark = box.parentElement.querySelector(".legend-limit");
    if (mark) mark.hidden = !near;
    if (near) {
      data.push(said.x.map(() => said.limit));
      series.push({ stroke: colour("limit"), width: 1.5, dash: [6, 5], points: { show: false } });
    }
    return {
      data, series, clock, last: said.today.findLastIndex(Number.isFinite),
      axes: axes({ values: (_, marks) => marks.map(clock), splits: () => said.x.filter((at) => (at - said.x[0]) % (box.clientWidth < 560 ? 21600 : 10800) === 0) }),
      scales: { x: { time: false }, y: { range: [0, (near ? Math.max(top, said.limit) : top) * 1.08] } },
      words: (i) => {
        const parts = [clock(said.x[i])];
        if (said.today[i] != null) parts.push(`today ${dollars(said.today[i])} USD`);
        if (said.before[i] != null) parts.push(`yesterday ${dollars(said.before[i])} USD`);
        return parts.join("  ·  ");
      },
    };
  }

  function bars(box, said) {
    const shape = said.unit === "month" ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" };
    const name = wall(said.zone, shape);
    const sums = said.x.map(() => 0);
    const stacked = said.series.map((values) => values.map((v, i) => (sums[i] += v)));
    const order = stacked.map((_, i) => i).reverse(); // the tallest first, so that each band shows
    const most = said.x.length;
    const every = Math.ceil(most / Math.max(2, Math.floor(box.clientWidth / 90)));
    return {
      last: most - 1,
      data: [said.x.map((_, i) => i), ...order.map((i) => stacked[i])],
      series: [{}, ...order.map((i) => ({
        fill: colour(`c${i + 1}`), stroke: colour("paper"), width: 0, points: { show: false },
        paths: uPlot.paths.bars({ size: [0.72, 96] }),
      }))],
      axes: axes({ splits: () => said.x.map((_, i) => i).filter((i) => (most - 1 - i) % every === 0), values: (_, marks) => marks.map((i) => name(said.x[i])) }),
      scales: { x: { time: false, range: [-0.6, most - 0.4] }, y: { range: [0, Math.max(...sums, 0.0001) * 1.08] } },
      words: (i) => {
        const named = said.labels.map((label, s) => [label, said.series[s][i]]).filter(([, v]) => v);
        const parts = named.length > 1 ? named.map(([label, v]) => `${label} ${dollars(v)}`) : [];
        return [`${name(said.x[i])}  ·  ${dollars(sums[i])} USD`, ...parts].join("  ·  ");
      },
    };
  }

  function draw(box) {
    const said = JSON.parse(box.dataset.chart);
    const made = said.kind === "day" ? day(box, said) : bars(box, said);
    const readout = box.parentElement.querySelector(".readout");
    const tell = (i) => { readout.textContent = made.words(i); };
    drawn.get(box)?.destroy();
    const plot = new uPlot({
      width: box.clientWidth, height: box.clientHeight, legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      series: made.series, axes: made.axes, scales: made.scales,
      hooks: { setCursor: [(u) => tell(u.cursor.idx ?? made.last)] },
    }, made.data, box);
    tell(made.last);
    drawn.set(box, plot);
  }

  function all() {
    for (const box of drawn.keys()) {
      if (!box.isConnected) {
        drawn.get(box).destroy();
        drawn.delete(box);
      }
    }
    document.querySelectorAll("[data-chart]").forEach(draw);
  }

  function fresh(root) {
    root.querySelectorAll?.("[data-chart]").forEach((box) => drawn.has(box) || draw(box));
  }

  document.fonts.ready.then(all);
  document.body.addEventListener("htmx:load", (event) => fresh(event.detail.elt));
  window.addEventListener("resize", () => requestAnimationFrame(all));
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", all);
})();
