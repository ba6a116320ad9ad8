// Draw each <figure data-plot="TABLE"> from the table beside it: the first column is a time (seconds
// since 1970) or a number, the others are values; both in data-value. Without script the table stays.
"use strict";
document.querySelectorAll("figure[data-plot]").forEach((figure) => {
  const table = document.getElementById(figure.dataset.plot);
  const rows = [...table.querySelectorAll("tbody tr")];
  const titles = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const value = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));
  const columns = titles.map((_, i) => rows.map((row) => value(row.cells[i])));
  if (rows.length < 2) return figure.remove();
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const language = document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  const axis = { stroke: colour("--text-2"), grid: { stroke: colour("--line"), width: 0.5 } };
  const options = {
    width: figure.clientWidth || 320,
    height: 240,
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: [0, 100] } },
    series: [
      {},
      ...titles.slice(1).map((label) => ({ label, stroke: colour("--accent"), width: 2, points: { size: 7 } })),
    ],
    axes: [
      { ...axis, values: (_, marks) => marks.map((mark) => day.format(mark * 1000)) },
      { ...axis, values: (_, marks) => marks.map((mark) => `${mark} %`) },
    ],
  };
  const plot = new uPlot(options, columns, figure);
  addEventListener("resize", () => plot.setSize({ width: figure.clientWidth, height: 240 }));
});
