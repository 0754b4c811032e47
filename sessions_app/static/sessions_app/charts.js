/* The dashboard's charts: messages a second each way as lines, failures a step as bars on a scale of their own. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = [];
  const draw = () => {
    while (drawn.length) drawn.pop().destroy();
    for (const place of document.querySelectorAll("[data-chart]")) {
      const series = data[place.dataset.chart];
      const day = 86400;
      const clock = [[day, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1], [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1]];
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "12px system-ui" };
      const failures = series.failed.map((number, at) => (number === null ? null : number + series.setups[at]));
      drawn.push(new uPlot({
        width: place.clientWidth,
        height: 200,
        cursor: { points: { size: 6 } },
        scales: { fails: { range: (chart, low, high) => [0, Math.max(4, (high || 0) * 3)] }, y: { range: (chart, low, high) => [0, (high || 1) * 1.1] } },
        axes: [{ ...axis, values: clock }, { ...axis, size: 44 }, { ...axis, scale: "fails", side: 1, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000], grid: { show: false } }],
        series: [
          { label: "at", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
          { label: "to MSRP", stroke: colour("--accent"), width: 2, fill: colour("--accent-wash") },
          { label: "to the message side", stroke: colour("--second"), width: 2, dash: [6, 3] },
          { label: "failures", scale: "fails", stroke: colour("--bad"), fill: colour("--bad"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.6, 12] }) },
        ],
      }, [series.times, series.to_msrp, series.to_page, failures], place));
    }
  };
  draw();
  let waiting = 0;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
});
