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
  });
}

const places = document.querySelectorAll("[data-chart]");
places.forEach(draw);
let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => places.forEach(place => {
    if (Number(place.dataset.room) !== place.clientWidth) draw(place);
  }), 200);
});
