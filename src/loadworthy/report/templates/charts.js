/* Charts in a page: puts live ones in the place of drawings, in the page's colours, zooms those over time together, and
   tells what there was at a moment. Text goes into the page as text, never as markup. */
"use strict";
(() => {
  const CURSOR_NEAR = 0.012;
  const LEAST_DRAG_PX = 6;
  const LOG_ERRORS = 1;
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

  /* Rows of a data set that came as columns. */
  function rowsOf(columns) {
    const names = Object.keys(columns);
    const length = names.length ? columns[names[0]].length : 0;
    return Array.from({ length }, (_, at) => Object.fromEntries(names.map((name) => [name, columns[name][at]])));
  }

  /* The same with every colour of the palette as the page has it now; ``colours`` is a Map, for any text may be asked. */
  function recoloured(value, colours) {
    if (typeof value === "string") return colours.get(value) || value;
    if (Array.isArray(value)) return value.map((one) => recoloured(one, colours));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, recoloured(one, colours)]));
  }

  function namesIn(value, found = new Set()) {
    if (Array.isArray(value)) value.forEach((one) => namesIn(one, found));
    else if (value !== null && typeof value === "object") {
      if (value.data && typeof value.data.name === "string") found.add(value.data.name);
      Object.values(value).forEach((one) => namesIn(one, found));
    }
    return found;
  }

  function moment(ms) {
    const total = Math.floor(ms / 1000);
    const two = (value) => String(value).padStart(2, "0");
    const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
    return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  }

  /* One box for all charts; it never takes the pointer. */
  class Tip {
    constructor() {
      this.box = document.createElement("div");
      this.box.className = "tip";
      this.box.hidden = true;
      document.body.append(this.box);
    }

    show(lines, event) {
      this.box.replaceChildren(...lines.map((text) => {
        const line = document.createElement("div");
        line.textContent = text;
        return line;
      }));
      this.box.hidden = lines.length === 0;
      const { width, height } = this.box.getBoundingClientRect();
      const left = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
      const top = event.clientY + 16 + height > innerHeight ? event.clientY - 16 - height : event.clientY + 16;
      this.box.style.left = `${Math.max(left, 4)}px`;
      this.box.style.top = `${Math.max(top, 4)}px`;
    }

    hide() {
      this.box.hidden = true;
    }
  }

  /* One chart. */
  class Drawing {
    constructor(charts, group, figure) {
      this.charts = charts;
      this.group = group;
      this.figure = figure;
      this.names = namesIn(figure.chart);
      this.element = document.getElementById(figure.id);
      this.canvas = this.element && this.element.querySelector(".canvas");
      this.view = null;
      this.turn = 0;
      this.isDrawing = false;
      this.changed = new Set();
      this.cursor = document.createElement("div");
      this.cursor.className = "cursor";
      this.cursor.hidden = true;
      this.brush = document.createElement("div");
      this.brush.className = "brush";
      this.brush.hidden = true;
    }

    columns(name) {
      return this.figure.data[name] || this.group.dataOf(this.figure)[name] || {};
    }

    async draw() {
      if (!this.canvas) return;
      const turn = ++this.turn;
      this.isDrawing = true;
      const width = this.width();
      this.changed.clear();
      const target = document.createElement("div");
      target.className = "live coming";
      target.setAttribute("role", "img");
      target.setAttribute("aria-label", this.figure.title);
      const datasets = Object.fromEntries([...this.names].map((name) => [name, rowsOf(this.columns(name))]));
      const look = { ...this.figure.chart, config: this.charts.config };
      const spec = {
        ...recoloured(look, this.charts.colours()), datasets, width,
        autosize: { type: "fit-x", contains: "padding" },
      };
      this.canvas.append(target);
      const { view } = await window.vegaEmbed(target, spec, {
        ast: true, renderer: "svg", actions: false, defaultStyle: false, logLevel: LOG_ERRORS,
        tooltip: (_handler, event, _item, value) => this.tell(event, value),
      }).catch((error) => {
        target.remove();
        if (turn === this.turn) this.ready();
        throw error;
      });
      if (turn !== this.turn) {  // another look was asked for meanwhile
        view.finalize();
        target.remove();
        return;
      }
      target.querySelector("svg").setAttribute("aria-hidden", "true");  // the box is the picture, and has its name
      this.canvas.querySelectorAll(".live:not(.coming)").forEach((old) => old.remove());
      target.classList.remove("coming");
      if (this.view) this.view.finalize();
      this.view = view;
      this.canvas.append(this.cursor, this.brush);
      this.canvas.classList.remove("failed");
      this.canvas.classList.add("drawn");
      this.ready();
      if (this.width() !== width) this.resize();
      if (this.group.span) this.zoom(this.group.span);
      if (this.figure.overTime) this.listen(target);
      this.charts.told(this);
    }

    width() {
      return Math.max(Math.floor(this.canvas.clientWidth), 240);
    }

    /* Vega's own tips, of marks. */
    tell(event, value) {
      if (value === null || value === undefined || value === "") return this.charts.tip.hide();
      const lines = typeof value === "object" ? Object.entries(value).map(([key, one]) => `${key}: ${one}`) : [String(value)];
      return this.charts.tip.show(lines, event);
    }

    /* All that changes together is taken up once: each time costs the drawing of all of it. */
    refresh(names) {
      const mine = [...this.names].filter((name) => names.includes(name));
      if (mine.length && !this.changed.size) queueMicrotask(() => this.takeUp());
      mine.forEach((name) => this.changed.add(name));
    }

    /* What has changed since the drawing began is still to be taken up. */
    ready() {
      this.isDrawing = false;
      this.takeUp();
    }

    takeUp() {
      if (!this.view || this.isDrawing || !this.changed.size) return;
      this.changed.forEach((name) => this.view.data(name, rowsOf(this.columns(name))));
      this.changed.clear();
      this.view.resize().runAsync();  // axes need more room, or less, than those of the data before
    }

    resize() {
      if (this.view) this.view.width(this.width()).runAsync();
    }

    zoom(span) {
      if (this.view && this.figure.overTime) this.view.signal("span", span || this.whole()).runAsync();
    }

    /* What it shows where nobody has zoomed. */
    whole() {
      const [span] = (this.figure.chart.params || []).filter((one) => one.name === "span");
      return span ? span.value : null;
    }

    /* Where the chart's own area begins and ends within the canvas, in px. */
    area() {
      const [left] = this.view.origin();
      const range = this.view.scale("x").range();
      return { left: left + Math.min(...range), right: left + Math.max(...range), origin: left };
    }

    timeAt(x) {
      return +this.view.scale("x").invert(x - this.area().origin);
    }

    listen(target) {
      let from = null;
      const at = (event) => {
        const { left, right } = this.area();
        return Math.min(Math.max(event.clientX - this.canvas.getBoundingClientRect().left, left), right);
      };
      target.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || event.pointerType === "touch") return;
        from = at(event);
        target.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      target.addEventListener("pointermove", (event) => {
        const x = at(event);
        this.group.point(this.timeAt(x), this, event);
        if (from === null) return;
        this.brush.hidden = false;
        this.brush.style.left = `${Math.min(from, x)}px`;
        this.brush.style.width = `${Math.abs(x - from)}px`;
      });
      const end = (event) => {
        if (from === null) return;
        const [began, x] = [from, at(event)];
        from = null;
        this.brush.hidden = true;
        if (Math.abs(x - began) >= LEAST_DRAG_PX) {
          const times = [this.timeAt(began), this.timeAt(x)].sort((one, other) => one - other);
          this.group.zoom(times);
        }
      };
      target.addEventListener("pointerup", end);
      target.addEventListener("pointercancel", () => { from = null; this.brush.hidden = true; });
      target.addEventListener("pointerleave", () => this.group.point(null, this, null));
      target.addEventListener("dblclick", () => this.group.zoom(null));
    }

    pointAt(time) {
      if (!this.view || !this.figure.overTime) return;
      const { left, right, origin } = this.area();
      const x = time === null ? NaN : origin + this.view.scale("x")(time);
      this.cursor.hidden = !(x >= left && x <= right);
      if (!this.cursor.hidden) this.cursor.style.left = `${x}px`;
    }

    /* What there was at a moment, in lines. */
    lines(time) {
      if (!this.figure.tip) return null;
      const [name, shown] = this.figure.tip;
      const columns = this.columns(name);
      const place = nearest(columns.at_ms || [], time);
      if (place === null) return [];
      const known = shown.map(([column, label]) => [label, (columns[column] || [])[place]]);
      const told = known.filter(([, value]) => value !== null && value !== undefined);
      return [moment(columns.at_ms[place]), ...told.map(([label, value]) => `${label}: ${number.format(value)}`)];
    }
  }

  function nearest(sorted, time) {
    if (!sorted.length) return null;
    let [low, high] = [0, sorted.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < time) low = middle + 1; else high = middle;
    }
    return low > 0 && time - sorted[low - 1] < sorted[low] - time ? low - 1 : low;
  }

  /* Charts that share data, and a time axis. */
  class Group {
    constructor(charts, described) {
      this.charts = charts;
      this.id = described.id;
      this.data = described.data;
      this.series = described.series || {};
      this.chosen = null;
      this.span = null;
      this.drawings = described.figures.map((figure) => new Drawing(charts, this, figure));
      this.listeners = [];
    }

    dataOf(figure) {
      const series = figure.bySeries && this.chosen !== null ? this.series[this.chosen] : null;
      return series ? { ...this.data, timeline: series } : this.data;
    }

    setData(name, columns) {
      this.data[name] = columns;
      this.drawings.forEach((drawing) => drawing.refresh([name]));
    }

    choose(series) {
      this.chosen = series;
      this.drawings.filter((one) => one.figure.bySeries).forEach((one) => one.refresh(["timeline"]));
    }

    extent() {
      const times = (this.data.timeline || {}).at_ms || [];
      return times.length ? [0, times[times.length - 1]] : [0, 1000];
    }

    zoom(span) {
      const [low, high] = this.extent();
      let wanted = span && [Math.max(span[0], low), Math.min(span[1], Math.max(high, span[0] + 1))];
      if (wanted && (wanted[0] <= low && wanted[1] >= high)) wanted = null;
      this.span = wanted;
      this.drawings.forEach((drawing) => drawing.zoom(wanted));
      this.listeners.forEach((listener) => listener(wanted));
    }

    /* Steps for those who do not drag: closer by half, wider by twice, earlier, later. */
    step(kind) {
      const [from, to] = this.span || this.extent();
      const [length, middle] = [to - from, (from + to) / 2];
      const by = { in: [middle - length / 4, middle + length / 4], out: [middle - length, middle + length],
                   earlier: [from - length / 2, to - length / 2], later: [from + length / 2, to + length / 2] }[kind];
      const [low, high] = this.extent();
      const moved = kind === "earlier" ? Math.max(by[0], low) - by[0] : kind === "later" ? Math.min(by[1], high) - by[1] : 0;
      this.zoom(by.map((time) => time + moved));
    }

    point(time, drawing, event) {
      this.drawings.forEach((one) => one.pointAt(time));
      const lines = time === null ? [] : drawing.lines(time);
      if (lines === null) return;
      if (!lines.length) this.charts.tip.hide();
      else this.charts.tip.show([...lines, ...this.marksNear(time)], event);
    }

    marksNear(time) {
      const { at_ms: at = [], to_ms: to = [], words = [] } = this.data.marks || {};
      const [from, until] = this.span || this.extent();
      const near = (until - from) * CURSOR_NEAR;
      return words.filter((_, place) => to[place] === null || to[place] === undefined
        ? Math.abs(at[place] - time) <= near : at[place] <= time && time <= to[place]).slice(0, 4);
    }
  }

  class Charts {
    constructor(described) {
      this.palette = described.palette;
      this.config = described.config;
      this.tip = new Tip();
      this.groups = described.groups.map((group) => new Group(this, group));
      this.drawn = 0;
    }

    get drawings() {
      return this.groups.flatMap((group) => group.drawings);
    }

    colours() {
      const style = getComputedStyle(document.documentElement);
      return new Map(Object.entries(this.palette).map(
        ([colour, variable]) => [colour, style.getPropertyValue(variable).trim() || colour]));
    }

    /* Those in sight, and the others when they come into sight. */
    start() {
      const bySight = new Map(this.drawings.filter((one) => one.canvas).map((one) => [one.canvas, one]));
      const sight = new IntersectionObserver((entries) => entries.forEach((entry) => {
        if (!entry.isIntersecting) return;
        sight.unobserve(entry.target);
        bySight.get(entry.target).draw().catch((error) => this.failed(bySight.get(entry.target), error));
      }), { rootMargin: "400px" });
      const size = new ResizeObserver((entries) => entries.forEach((entry) => bySight.get(entry.target).resize()));
      bySight.forEach((_, canvas) => { sight.observe(canvas); size.observe(canvas); });
    }

    /* What was there before stays: a live chart, or the drawing. */
    failed(drawing, error) {
      drawing.canvas.classList.toggle("failed", !drawing.canvas.querySelector(".live"));
      console.error(`the chart ${drawing.figure.id} cannot be drawn`, error);
    }

    told() {
      this.drawn += 1;
      document.documentElement.dataset.drawn = String(this.drawn);
    }

    recolour() {
      this.drawings.filter((one) => one.turn).forEach((one) => one.draw().catch((error) => this.failed(one, error)));
    }
  }

  /* Auto, light or dark, as chosen; kept where the browser lets a page keep anything. */
  function themed(select, changed) {
    const root = document.documentElement;
    const keep = (value) => { try { localStorage.setItem("loadworthy-theme", value); } catch { /* a page from a file */ } };
    const kept = () => { try { return localStorage.getItem("loadworthy-theme"); } catch { return null; } };
    const apply = (value) => {
      if (value === "light" || value === "dark") root.dataset.theme = value; else delete root.dataset.theme;
      changed();
    };
    if (select) {
      select.value = ["light", "dark"].includes(kept()) ? kept() : "auto";
      select.addEventListener("change", () => { keep(select.value); apply(select.value); });
      if (select.value !== "auto") apply(select.value);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed());
  }

  /* The bar above charts over time: which series, and the steps of the zoom. */
  function toolbar(element, group) {
    const reset = element.querySelector("[data-zoom=reset]");
    element.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
      if (button.dataset.zoom === "reset") group.zoom(null); else group.step(button.dataset.zoom);
    }));
    const select = element.querySelector("select[data-series]");
    if (select) select.addEventListener("change", () => group.choose(select.value || null));
    if (reset) {
      reset.disabled = true;
      group.listeners.push((span) => { reset.disabled = span === null; });
    }
  }

  window.Loadworthy = { Charts, themed, toolbar, rowsOf, moment };
})();
