/* The live page: takes what the server tells, and shows it; sends what the reader commands. Text goes in as text. */
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const described = JSON.parse(byId("page-data").textContent);
  const charts = new window.Loadworthy.Charts(described);
  const groups = Object.fromEntries(charts.groups.map((group) => [group.id, group]));
  const isPlain = document.body.dataset.mode === "plain";
  const MARKS = { ready: "○", starting: "◌", running: "●", stopping: "◐", ended: "■", failed: "✗", lost: "?",
                  pass: "✓", fail: "✗", undecided: "?", invalid: "!" };
  const VERDICTS = ["pass", "fail", "undecided", "invalid"];
  const DASH = "–";

  window.Loadworthy.themed(document.querySelector("select[data-theme]"), () => charts.recolour());
  charts.groups.forEach((group) => window.Loadworthy.toolbar(document.querySelector(`[data-toolbar="${group.id}"]`), group));

  /* --- small things --- */

  function element(tag, text, classes = "") {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (classes) made.className = classes;
    return made;
  }

  /* Writes only what is new, so that a screen reader is not told the same again. */
  function say(target, text) {
    if (target.textContent !== text) target.textContent = text;
  }

  function list(target, texts, shown = texts.length > 0) {
    target.hidden = !shown;
    target.replaceChildren(...texts.map((text) => element("li", text)));
  }

  const count = (value) => value.toLocaleString("en");

  function fixed(value, digits) {
    return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function ms(value) {
    if (value === null) return DASH;
    return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
  }

  function clock(seconds) {
    return window.Loadworthy.moment(Math.max(Math.round(seconds), 0) * 1000);
  }

  /* --- the run --- */

  let run = {};

  function showRun(section) {
    run = section;
    const verdict = VERDICTS.includes(run.verdict) ? run.verdict : null;
    showState(verdict || run.state);
    say(byId("doing"), run.why || run.doing);
    list(byId("reasons"), run.reasons);
    list(byId("messages"), run.messages);
    const name = run.run || described.title;
    say(byId("run-name"), name);
    document.title = `${(verdict || run.state).toUpperCase()} · ${name}`;
    showWay();
    showFiles(run.files);
    byId("report").hidden = !run.files.includes("report.html");
    enable();
  }

  function showState(word) {
    byId("head").className = `verdict ${word}`;
    document.documentElement.dataset.state = word;
    say(byId("state-mark"), MARKS[word] || "");
    say(byId("state"), word);
  }

  function showWay() {
    const isUnderWay = run.elapsed_s !== null;
    byId("way").hidden = !isUnderWay;
    if (!isUnderWay) return;
    const bar = byId("way-bar");
    bar.hidden = run.planned_s === null;
    if (run.planned_s === null) {
      say(byId("way-words"), `${clock(run.elapsed_s)} so far`);
      return;
    }
    bar.value = run.planned_s ? Math.min(run.elapsed_s / run.planned_s, 1) : 1;
    say(byId("way-words"), `${clock(run.elapsed_s)} of ${clock(run.planned_s)}, ${clock(run.planned_s - run.elapsed_s)} left`);
  }

  let shownFiles = "";

  function showFiles(names) {
    byId("downloads").hidden = !names.length;
    const key = names.join("\n");
    if (key === shownFiles) return;
    shownFiles = key;
    byId("files").replaceChildren(...names.map((name) => {
      const link = element("a", name === "run.zip" ? "everything (run.zip)" : name);
      link.href = described.downloads[name] || `download/${name.split("/").map(encodeURIComponent).join("/")}`;
      link.setAttribute("download", "");
      const item = element("li", undefined, name === "run.zip" ? "all" : "");
      item.append(link);
      return item;
    }));
  }

  /* --- a scenario --- */

  class Scenario {
    constructor(section) {
      this.section = section;
      this.name = section.dataset.scenario;
      this.group = groups[section.id];
      this.canChange = false;
      this.factor = 1;
    }

    part(name) {
      return this.section.querySelector(`[data-part="${name}"]`);
    }

    show(sections) {
      Object.entries(sections).forEach(([key, value]) => {
        const show = this[`show_${key}`];
        if (show) show.call(this, value);
      });
    }

    show_state(state) {
      this.section.dataset.state = state.state;
      this.canChange = state.can_change;
      this.factor = state.factor;
      const word = state.verdict || state.state;
      [this.part("badge"), ...document.querySelectorAll("[data-badge-of]")]
        .filter((badge) => badge.dataset.badgeOf === undefined || badge.dataset.badgeOf === this.name)
        .forEach((badge) => {
          badge.className = `badge ${word}`;
          say(badge, state.verdict ? `${MARKS[word]} ${word}` : word);
        });
      say(this.part("now"), state.now.join(" · "));
      list(this.part("reasons"), state.reasons);
      enable();
    }

    show_tiles(tiles) {
      const target = this.part("tiles");
      const keys = tiles.map((tile) => tile.key).join();
      if (target.dataset.keys !== keys) {
        target.dataset.keys = keys;
        target.replaceChildren(...tiles.map((tile) => {
          const box = element("div");
          box.dataset.tile = tile.key;
          const value = element("dd");
          value.append(element("span"), element("small"));
          box.append(element("dt", tile.label), value);
          return box;
        }));
      }
      tiles.forEach((tile, place) => {
        const box = target.children[place];
        box.className = tile.bad ? "bad" : "";
        box.dataset.value = tile.value === null ? "" : String(tile.value);
        say(box.querySelector("span"), tile.text);
        say(box.querySelector("small"), tile.note);
      });
    }

    show_thresholds(lights) {
      this.part("thresholds").hidden = !lights.length;
      const target = this.part("lights");
      while (target.children.length > lights.length) target.lastChild.remove();
      lights.forEach((light, place) => {
        let item = target.children[place];
        if (!item) {
          item = element("li");
          item.append(element("span", undefined, "lamp"), element("span", undefined, "said"),
                      element("span", undefined, "what"), element("span", undefined, "n observed"), element("p", undefined, "evidence why"));
          item.children[0].setAttribute("aria-hidden", "true");
          target.append(item);
        }
        item.dataset.verdict = light.verdict;
        item.dataset.expression = light.expression;
        const [lamp, said, what, observed, why] = item.children;
        lamp.className = `lamp ${light.verdict}`;
        said.className = `said ${light.verdict}`;
        say(said, light.word);
        say(what, light.implied ? `${light.expression} (implied: the scenario has none)` : light.expression);
        say(observed, light.margin ? `${light.observed}, ${light.margin}` : light.observed);
        say(why, light.reason);
        why.hidden = !light.reason;
      });
    }

    show_timeline(timeline) {
      Object.entries({ timeline: timeline.after_ms, kinds: timeline.kinds_after_ms }).forEach(([name, after]) => {
        this.group.setData(name, joined(this.group.data[name], timeline[name], after));
      });
      const kinds = new Set(this.group.data.kinds.kind || []);
      this.section.querySelectorAll(`[id="${this.section.id}-failures"] [data-key]`).forEach((key) => {
        key.hidden = !kinds.has(key.dataset.key);
      });
      const failures = byId(`${this.section.id}-failures`);
      if (failures) failures.hidden = kinds.size === 0;
    }

    show_limits(columns) {
      this.group.setData("limits", columns);
    }

    show_marks(columns) {
      this.group.setData("marks", columns);
    }

    show_happened(happened) {
      const box = this.part("happened");
      box.hidden = !happened.length;
      const [summary, told] = [box.querySelector("summary"), box.querySelector("ul")];
      say(summary, `What happened: ${happened.length} ${happened.length === 1 ? "event" : "events"}`);
      told.replaceChildren(...happened.map((one) => {
        const item = element("li", undefined, one.bad ? "bad" : "");
        const to = one.to_s === null ? "" : `–${clock(one.to_s)}`;
        item.append(element("b", `${clock(one.at_s)}${to}`), ` ${one.words}`);
        return item;
      }));
    }

    show_search(search) {
      const box = this.part("search");
      if (!box) return;
      const found = this.part("search-found");
      found.hidden = !search.found;
      say(found, search.found);
      const { place, rate, purpose, result, words } = search.trials;
      box.hidden = !place.length;
      this.group.setData("trials", search.trials);
      this.group.setData("bounds", search.bounds);
      this.part("trials").replaceChildren(...place.map((number, at) => {
        const row = element("tr");
        const name = element("td", `${number} `);
        name.append(element("small", purpose[at]));
        const kind = { held: "pass", "did not hold": "fail" }[result[at]] || "invalid";
        const said = element("td");
        said.append(element("span", `${MARKS[kind]} ${result[at]}`, kind));
        row.append(name, element("td", `${fixed(rate[at], 1)}/s`, "n"), said, element("td", words[at], "roomy"));
        return row;
      }));
    }

    show_series(series) {
      const words = series.all > series.rows.length ? `${series.rows.length} of ${series.all}` : "";
      say(this.part("series-words"), words);
      const body = this.part("series");
      const known = new Map([...body.rows].map((row) => [row.cells[0].textContent, row]));
      series.rows.forEach((values) => {
        let row = known.get(values[0]);
        if (!row) {
          row = element("tr");
          const head = element("th", values[0]);
          head.scope = "row";
          row.append(head, ...values.slice(1).map(() => element("td", undefined, "n")));
          body.append(row);
        }
        known.delete(values[0]);
        values.slice(1).forEach((value, place) => {
          const cell = row.cells[place + 1];
          cell.dataset.value = value === null ? "" : String(value);
          say(cell, place < 2 ? count(value) : place === 2 ? (value === null ? DASH : fixed(value, 1)) : ms(value));
        });
        row.cells[2].classList.toggle("bad", values[2] > 0);
      });
      known.forEach((row) => row.remove());
      this.sort(series.rows.map((values) => values[0]));
    }

    /* As the reader chose; until then the worst first. */
    sort(order) {
      const table = byId(`${this.section.id}-series`);
      const body = table.tBodies[0];
      const chosen = table.querySelector('th[aria-sort="ascending"], th[aria-sort="descending"]');
      const place = new Map(order.map((name, at) => [name, at]));
      const rows = [...body.rows];
      const wanted = chosen ? rows.sort(compared(chosen)) : rows.sort((one, other) => place.get(one.cells[0].textContent) - place.get(other.cells[0].textContent));
      if (wanted.some((row, at) => row !== body.rows[at])) body.append(...wanted);
      const filter = document.querySelector(`input[data-table="${table.id}"]`);
      if (filter.value) filter.dispatchEvent(new Event("input"));
    }

    clear() {
      ["timeline", "kinds", "marks", "limits", "trials", "bounds"].forEach((name) => this.group.setData(name, {}));
      ["tiles", "lights", "series"].forEach((name) => this.part(name).replaceChildren());
      delete this.part("tiles").dataset.keys;
      ["thresholds", "search", "happened"].map((name) => this.part(name)).forEach((part) => { if (part) part.hidden = true; });
      this.group.zoom(null);
    }
  }

  /* By a column of a table, as its heading says; what is not known goes last. */
  function compared(heading) {
    const place = Number(heading.dataset.place);
    const up = heading.getAttribute("aria-sort") === "ascending" ? 1 : -1;
    const text = (row) => row.cells[place].textContent;
    const value = (row) => (row.cells[place].dataset.value === "" ? null : Number(row.cells[place].dataset.value));
    return (one, other) => {
      if (place === 0) return text(one).localeCompare(text(other)) * up;
      const [a, b] = [value(one), value(other)];
      return a === null || b === null ? (a === null) - (b === null) : (a - b) * up;
    };
  }

  /* Rows after a moment take the place of those that were after it. */
  function joined(known, news, after) {
    if (after === null || !known.at_ms) return news;
    let kept = known.at_ms.length;
    while (kept && known.at_ms[kept - 1] > after) kept -= 1;
    return Object.fromEntries(Object.entries(news).map(([name, values]) => [name, [...known[name].slice(0, kept), ...values]]));
  }

  const scenarios = Object.fromEntries([...document.querySelectorAll("section[data-scenario]")].map(
    (section) => [section.dataset.scenario, new Scenario(section)]));

  function showGenerator(generator) {
    const [state, ...readings] = generator.words;
    const badge = byId("generator-badge");
    badge.className = `badge ${generator.verdict}`;
    say(badge, `${MARKS[generator.verdict]} ${state}`);
    say(byId("generator-words"), readings.join(" · "));
    list(byId("generator-warnings"), generator.warnings);
  }

  function show(message) {
    if (message.run) showRun(message.run);
    if (message.generator) showGenerator(message.generator);
    Object.entries(message.scenarios || {}).forEach(([name, sections]) => {
      if (scenarios[name]) scenarios[name].show(sections);
    });
  }

  /* --- commands --- */

  let isConnected = false;

  function enable() {
    const isUnderWay = ["starting", "running"].includes(run.state);
    const isIdle = ["ready", "ended", "failed"].includes(run.state);
    const changeable = Object.values(scenarios).filter((one) => one.canChange);
    const canChange = isConnected && run.state === "running" && changeable.length > 0;
    byId("start").disabled = !(isConnected && isIdle);
    byId("start-form").hidden = isPlain && !isIdle;
    byId("stop").disabled = !(isConnected && isUnderWay);
    const field = byId("load-factor");
    if (field.disabled && canChange) field.value = String(changeable[0].factor);
    ["load-factor", "load-less", "load-more", "load-apply"].forEach((id) => { byId(id).disabled = !canChange; });
    const factors = [...new Set(changeable.map((one) => one.factor))];
    const now = canChange && factors.some((factor) => factor !== 1) ? `, now ${factors.join(" and ")} ×` : "";
    say(byId("load-words"), `× the planned load${now}`);
  }

  function answer(text, isBad = false) {
    const target = byId("answer");
    target.className = isBad ? "answer bad" : "answer";
    say(target, text);
  }

  async function command(path, body) {
    answer("");
    try {
      const response = await fetch(path, { method: "POST", body, headers: { "X-Loadworthy": "1" }, credentials: "same-origin" });
      const said = await response.text();
      let told = {};
      try { told = JSON.parse(said); } catch { told = { message: said }; }
      answer(told.message || "", !response.ok);
    } catch {
      answer("The server did not answer.", true);
    }
  }

  byId("start-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new URLSearchParams();
    new FormData(event.target).forEach((value, name) => { if (value !== "") fields.append(name, value); });
    byId("start").disabled = true;
    command("start", fields).finally(enable);
  });

  byId("stop").addEventListener("click", () => {
    byId("stop").disabled = true;
    command("stop").finally(enable);
  });

  const stepped = (by) => {
    const field = byId("load-factor");
    const value = Number(field.value) || 1;
    const step = value + by < 0.25 ? 0.05 : 0.25;
    field.value = String(Math.min(Math.max(Math.round((value + Math.sign(by) * step) * 100) / 100, 0.05), 100));
  };
  byId("load-less").addEventListener("click", () => stepped(-0.25));
  byId("load-more").addEventListener("click", () => stepped(0.25));
  byId("load-form").addEventListener("submit", (event) => {
    event.preventDefault();
    command("load", new URLSearchParams({ factor: byId("load-factor").value }));
  });

  document.addEventListener("click", (event) => {
    const files = byId("downloads");
    if (files.open && !files.contains(event.target)) files.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") byId("downloads").open = false;
  });

  /* --- the stream --- */

  function connected(is) {
    isConnected = is;
    const note = byId("connection");
    if (is) {
      note.hidden = true;
    } else if (note.hidden) {
      note.hidden = false;
      say(note, "The connection is lost; what you see is what was known. Trying again.");
    }
    enable();
  }

  function listen() {
    const source = new EventSource("events");
    source.addEventListener("whole", (event) => {
      Object.values(scenarios).forEach((one) => one.clear());
      show(JSON.parse(event.data));
      connected(true);
    });
    source.addEventListener("change", (event) => show(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      connected(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);  // refused: it does not try again by itself
    });
  }

  charts.start();
  listen();
})();
