// The page's policy forbids code made from text: Vega's expressions are interpreted (`ast` below), and its reader
// of CSV, which compiles a function for the columns, gives way to `rows`.
const specs = JSON.parse(document.getElementById("specs").textContent, (key, value) => {
  if (key === "datasets")
    for (const name in value) if (typeof value[name] === "string") value[name] = rows(value[name]);
  if (key === "format" && value.type === "csv") value.type = "json";
  return value;
});

function rows(csv) {
  const lines = [[]], cell = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/gy;
  while (cell.lastIndex < csv.length) {
    const [, quoted, bare, end] = cell.exec(csv);
    lines[lines.length - 1].push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === "\n" && cell.lastIndex < csv.length) lines.push([]);
  }
  const [names, ...others] = lines;
  return others.map(line => Object.fromEntries(names.map((name, n) => [name, line[n] || ""])));
}

// Vega-Lite can fill the width only with single charts: sizes of strips and panels are set here.
function fitted(spec, room) {
  const made = structuredClone(spec), panels = spec.usermeta && spec.usermeta.panels;
  if (panels) {
    const most = Math.max(room < 300 ? 1 : 2, Math.floor(room / 240));
    const columns = Math.ceil(panels / Math.ceil(panels / most));
    made.columns = columns;
    made.spec.width = Math.min(280, Math.floor((room - 70) / columns) - 24);
    if (spec.usermeta.square) made.spec.height = made.spec.width;
  } else if (made.vconcat) {
    for (const view of made.vconcat) view.width = room - 104;
  } else {
    made.width = "container";
    made.autosize = { type: "fit-x", contains: "padding" };
  }
  return made;
}

function draw(place) {
  const spec = specs[place.dataset.chart], room = place.clientWidth;
  place.dataset.room = room;
  const many = spec.usermeta && spec.usermeta.square;
  vegaEmbed(place, fitted(spec, room), {
    ast: true,
    renderer: many ? "canvas" : "svg",
    defaultStyle: false, // page.css has the rules: the policy forbids others
    forceActionsMenu: true,
    tooltip: { disableDefaultStyle: true },
    actions: { export: true, source: false, compiled: false, editor: false },
  }).then(({ view }) => {
    views.set(place, view);
    for (const choice of choices) set(choice, place);
  });
}

// A list of names sets the parameter of its own name in every chart that has one, and shows what is said of the choice.
const views = new Map(), choices = document.querySelectorAll("select[name]");
function set(choice, place) {
  const known = (specs[place.dataset.chart].params ?? []).some(one => one.name === choice.name);
  if (known) views.get(place).signal(choice.name, choice.value).runAsync();
}
for (const choice of choices) choice.onchange = () => {
  for (const place of views.keys()) set(choice, place);
  for (const said of document.querySelectorAll(`[data-said-of=${choice.name}]`))
    said.hidden = said.dataset.name !== choice.value;
};

const places = document.querySelectorAll("[data-chart]");
const packs = JSON.parse(document.getElementById("packs")?.textContent ?? "null");
if (packs) fill(document.querySelector("[data-shown]").textContent);
places.forEach(draw);
if (packs) findSymbols();
let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => places.forEach(place => {
    if (Number(place.dataset.room) !== place.clientWidth) draw(place);
  }), 200);
});

// All times of a packed table, as the charts read them: dates, times of day, or numbers of rows.
function times(pack) {
  if (pack.unit === "rows") {
    let row = pack.start;
    return pack.days.map(step => row += step);
  }
  const [rest, step, length] = pack.unit === "minutes" ? [":00Z", 6e4, 16] : ["T00:00Z", 864e5, 10];
  let time = Date.parse(pack.start + rest);
  return pack.days.map(steps => new Date(time += step * steps).toISOString().slice(0, length));
}

// The rows of one symbol of a packed table: see report/packing.py.
function unpacked(pack, symbol) {
  const spread = runs => {
    const values = [];
    for (let n = 0; n < runs.length; n += 2) for (let k = 0; k < runs[n + 1]; k++) values.push(runs[n]);
    return values;
  };
  const [steps, ...columns] = pack.symbols[symbol];
  let place = -1;
  const dates = times(pack);
  const made = spread(steps).map(step => ({ symbol, date: dates[place += step] }));
  pack.numbers.forEach((name, n) => {
    const [low, step, text] = columns[n];
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0)), codes = new DataView(bytes.buffer);
    const missing = made.length - bytes.length / 2;
    made.forEach((row, k) => {
      const code = k < missing ? 65535 : codes.getUint16(2 * (k - missing), true);
      row[name] = code === 65535 ? null : low + step * code;
    });
  });
  pack.flags.forEach((name, n) => {
    spread(columns[pack.numbers.length + n]).forEach((value, k) => { made[k][name] = value; });
  });
  return made;
}

// Give the charts of single symbols the rows of this one.
function fill(symbol) {
  for (const [name, pack] of Object.entries(packs)) {
    const spec = specs[name], made = unpacked(pack, symbol);
    spec.datasets = { [Object.keys(spec.datasets)[0]]: made };
    const brush = (spec.params ?? []).find(one => one.name === "brush");
    if (brush) {
      const tested = made.filter(row => row.test).slice(-120);
      brush.value = { x: [tested[0], tested[tested.length - 1]].map(row => {
        if (pack.unit === "rows") return row.date;
        const [year, month, date, hours, minutes] = row.date.split(/[-T:]/).map(Number);
        return { year, month, date, ...(pack.unit === "minutes" && { hours, minutes }) };
      }) };
    }
  }
}

function pick(symbol) {
  fill(symbol);
  for (const place of document.querySelectorAll("[data-shown]")) place.textContent = symbol;
  for (const place of places) if (place.dataset.chart in packs) draw(place);
}

// The table of symbols: sorted, searched, and of many rows the first and the last.
function findSymbols() {
  const table = document.getElementById("symbols"), body = table.tBodies[0], finder = document.getElementById("finder");
  const charted = new Set(Object.keys(packs.forecast.symbols)), input = finder.querySelector("input"), ends = 10;
  const words = JSON.parse(document.getElementById("words").textContent);
  const text = (row, n) => row.cells[n].textContent;
  const number = (row, n) => Number(text(row, n).replaceAll("\u2212", "-").replaceAll(",", ""));
  let order = [...body.rows], whole = order.length <= 2 * ends + 5;

  const more = document.createElement("tr"), button = document.createElement("button");
  button.type = "button";
  more.appendChild(document.createElement("td")).append(button);
  more.cells[0].colSpan = order[0].cells.length;
  button.onclick = () => { whole = true; show(); };

  function show() {
    const wanted = input.value.trim().toLowerCase();
    const found = wanted ? order.filter(row => text(row, 0).toLowerCase().includes(wanted)) : order;
    const cut = !wanted && !whole;
    button.textContent = words.between.replace("{n}", (order.length - 2 * ends).toLocaleString("en"));
    body.replaceChildren(...(cut ? [...order.slice(0, ends), more, ...order.slice(-ends)] : found));
    finder.querySelector("[role=status]").textContent =
      wanted ? words.found.replace("{found}", found.length.toLocaleString("en")).replace("{n}", order.length.toLocaleString("en")) : "";
    return found;
  }

  [...table.tHead.rows[0].cells].forEach((head, n) => {
    const sort = document.createElement("button");
    sort.type = "button";
    sort.append(...head.childNodes);
    head.append(sort);
    sort.onclick = () => {
      const up = head.ariaSort === "none" ? n === 0 : head.ariaSort === "descending";
      for (const other of table.tHead.rows[0].cells) other.ariaSort = "none";
      head.ariaSort = up ? "ascending" : "descending";
      const known = order.filter(row => n === 0 || !isNaN(number(row, n)));
      const rest = order.filter(row => !known.includes(row));
      known.sort((a, b) => n === 0 ? text(a, 0).localeCompare(text(b, 0)) : number(a, n) - number(b, n));
      order = [...(up ? known : known.reverse()), ...rest];
      show();
    };
  });
  body.onclick = event => {
    const name = event.target.closest("th button")?.textContent;
    if (name === undefined) return;
    pick(name);
    document.querySelector("[data-chart=forecast]").scrollIntoView({ block: "center" });
  };
  input.oninput = show;
  input.onkeydown = event => {
    const first = event.key === "Enter" && show().map(row => text(row, 0)).find(name => charted.has(name));
    if (first) pick(first);
  };
  for (const picker of document.querySelectorAll("[data-picker] input")) {
    picker.oninput = picker.onchange = event => {
      const wanted = picker.value.trim();
      const name = charted.has(wanted) ? wanted : [...charted].find(one => one.toLowerCase() === wanted.toLowerCase());
      const typed = event.type === "input" && event.inputType !== undefined && event.inputType !== "insertReplacementText";
      if (name === undefined || typed) return; // "A" may become "AAPL"
      pick(name);
      picker.value = "";
    };
  }
  finder.hidden = false;
  show();
}
