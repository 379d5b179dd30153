/* A report: draws its charts, and wires what is above them. */
"use strict";
(() => {
  const charts = new window.Loadworthy.Charts(JSON.parse(document.getElementById("page-data").textContent));
  window.Loadworthy.themed(document.querySelector("select[data-theme]"), () => charts.recolour());
  charts.groups.forEach((group) => {
    const bar = document.querySelector(`[data-toolbar="${group.id}"]`);
    if (bar) window.Loadworthy.toolbar(bar, group);
    document.querySelectorAll(`button[data-choose="${group.id}"]`).forEach((button) => button.addEventListener("click", () => {
      const select = bar.querySelector("select[data-series]");
      select.value = button.dataset.name;
      select.dispatchEvent(new Event("change"));
      bar.scrollIntoView({ block: "start" });
    }));
  });
  if (window.vegaEmbed) charts.start();
})();
