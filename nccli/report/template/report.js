"use strict";
(() => {
  const root = document.documentElement;
  const table = document.getElementById("runs");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const titles = heads.map((head) => head.textContent.toLowerCase());
  const details = JSON.parse(document.getElementById("details").textContent);
  const rows = [...body.rows];
  const text = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join("\u00a0").toLowerCase());
  const place = new Map(rows.map((row, i) => [row, i]));

  const make = (name, content, className) => {
    const made = document.createElement(name);
    if (content !== undefined) made.textContent = content;
    if (className) made.className = className;
    return made;
  };

  // Light and dark: as the system has it, until somebody chooses.
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // A click on a run.
  const layersOf = (i) => {
    const [settings, command, layers] = details.runs[i];
    const cell = make("td");
    cell.colSpan = heads.length;
    const list = make("dl");
    for (const [name, value] of Object.entries(settings)) {
      const pair = make("div");
      pair.append(make("dt", name), make("dd", value));
      list.append(pair);
    }
    cell.append(list);
    if (command) cell.append(make("code", command));
    if (layers.length) {
      // Columns without a value are left out; the singular values have a line of their own.
      const spectra = details.columns.findIndex(([title]) => title === "singular values");
      const shown = details.columns.map((_, j) => j).filter((j) => j !== spectra && layers.some((layer) => layer[j] !== ""));
      const inner = make("table");
      const head = make("tr");
      for (const j of shown) head.append(make("th", details.columns[j][0], details.columns[j][1] ? "w" : ""));
      inner.createTHead().append(head);
      const lines = inner.createTBody();
      for (const layer of layers) {
        const line = make("tr");
        for (const j of shown) line.append(make("td", layer[j], details.columns[j][1] ? "w" : ""));
        const spectrum = make("td", spectra < 0 ? "" : `singular values ${layer[spectra]}`);
        spectrum.colSpan = shown.length;
        const below = make("tr", undefined, "spectrum");
        below.append(spectrum);
        lines.append(line, below);
      }
      const wide = make("div", undefined, "wide");
      wide.append(inner);
      cell.append(wide);
    } else {
      cell.append(make("p", "nothing is known of its layers"));
    }
    const opened = make("tr", undefined, "open");
    opened.append(cell);
    return opened;
  };
  const shut = (row) => {
    if (row.nextElementSibling && row.nextElementSibling.className === "open") row.nextElementSibling.remove();
    row.querySelector("button").setAttribute("aria-expanded", "false");
  };
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (!place.has(row) || String(window.getSelection())) return;
    if (row.querySelector("button").getAttribute("aria-expanded") === "true") return shut(row);
    row.after(layersOf(place.get(row)));
    row.querySelector("button").setAttribute("aria-expanded", "true");
  });

  // A click on a column: increasing, then decreasing; what has no value comes last.
  const number = (value) => (value.trim() === "" ? NaN : Number(value));
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : cell.dataset.v;
  };
  const sort = (column) => {
    const falling = heads[column].getAttribute("aria-sort") === "ascending";
    const way = falling ? -1 : 1;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
    const keyed = rows.map((row) => [row, valueOf(row, column)]);
    keyed.sort(([a, x], [b, y]) => {
      if (x === "" || y === "") return x === y ? place.get(a) - place.get(b) : x === "" ? 1 : -1;
      const [p, q] = [number(x), number(y)];
      const order = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y, "en", { numeric: true }) : p - q;
      return order * way || place.get(a) - place.get(b);
    });
    rows.forEach(shut);
    for (const [row] of keyed) body.append(row);
  };
  heads.forEach((head, column) => head.addEventListener("click", () => sort(column)));

  // The filter.
  const names = { wd: "λ", lambda: "λ", dnc: "/dnc", srg: "/srg", ratio_dnc: "/dnc", ratio_srg: "/srg", train_accuracy: "accuracy" };
  const columnOf = (name) => {
    const found = titles.indexOf(name);
    return found >= 0 ? found : titles.indexOf(names[name] || "");
  };
  const compare = {
    "=": (a, b) => a === b,
    "!=": (a, b) => a !== b,
    "<": (a, b) => a < b,
    "<=": (a, b) => a <= b,
    ">": (a, b) => a > b,
    ">=": (a, b) => a >= b,
  };
  const condition = (word) => {
    const parts = /^([^=<>!]+)(<=|>=|!=|=|<|>)([^=<>]+)$/.exec(word);
    const column = parts ? columnOf(parts[1]) : -1;
    if (column < 0) return (i) => text[i].includes(word);
    const [, , operator, wanted] = parts;
    const holds = compare[operator];
    return (i) => {
      const shown = rows[i].cells[column].textContent;
      const equality = operator === "=" || operator === "!=";
      const [a, b] = [number(equality ? shown : valueOf(rows[i], column)), number(wanted)];
      if (!Number.isNaN(a) && !Number.isNaN(b)) return holds(a, b);
      return equality && holds(shown.toLowerCase(), wanted);
    };
  };
  const filter = document.getElementById("filter");
  const count = document.getElementById("count");
  const narrow = () => {
    const conditions = filter.value.toLowerCase().split(/\s+/).filter(Boolean).map(condition);
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = conditions.every((holds) => holds(i));
      if (!fits) shut(row);
      row.hidden = !fits;
      shown += fits;
    });
    count.textContent = conditions.length ? `${shown} of ${rows.length} runs` : `${rows.length} runs`;
  };
  filter.addEventListener("input", narrow);
  if (filter.value) narrow();

  document.getElementById("copy").addEventListener("click", () => {
    const chosen = window.getSelection();
    chosen.selectAllChildren(document.getElementById("commands"));
    document.execCommand("copy");
  });
})();
