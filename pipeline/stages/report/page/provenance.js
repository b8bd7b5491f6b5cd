"use strict";
// Loads provenance.js and shows it when a reader asks for it. Its texts become text nodes, never markup.
(() => {
const section = document.getElementById("provenance");
const runs = section.querySelector(".runs");
const [message, drawn, body, foot, list] = [".found", ".drawn", "tbody", "tfoot", ".kinds"].map(name => section.querySelector(name));
const UNITS = [[3600, "h"], [60, "min"], [1, "s"]];
let asked = false;

function element(name, content = [], properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...[content].flat());
  return made;
}

const formatted = digits => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const number = (value, digits = 0) => element("data", formatted(digits).format(value), { value });
const unknown = () => element("span", "unknown", { className: "aside" });
const orUnknown = (value, draw) => value === null ? unknown() : draw(value);
const code = text => element("code", text);

function time(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? UNITS.at(-1);
  return element("data", `${formatted(1).format(seconds / size)}\u202f${unit}`, { value: seconds });
}

function runLink(id, run) {
  return run.url ? element("a", code(id.slice(0, 8)), { href: run.url }) : code(id.slice(0, 8));
}

// A stage has a row for each run that made some of its files: one run, unless files of several runs were put together by hand.
function rows(stage, provenance) {
  const ids = [...new Set(stage.files.map(file => file.run))].sort((left, right) => (left === null) - (right === null));
  return ids.map((id, place) => place === 0 ? row(stage.name, id, provenance.runs[id]) : row("", id, provenance.runs[id]));
}

function row(name, id, run) {
  const head = element("th", name, { scope: "row" });
  if (!run) return element("tr", [head, element("td", unknown()), ...Array.from({ length: 6 }, () => element("td"))]);
  return element("tr", [head, ...[
    runLink(id, run),
    orUnknown(run.commit, commit => code(commit.slice(0, 8))),
    element("time", run.started.replace("T", " ").replace("Z", ""), { dateTime: run.started }),
    time(run.seconds),
    orUnknown(run.cpu_seconds, time),
    orUnknown(run.gpu_seconds, seconds => seconds ? time(seconds) : "none"),
    run.words_per_second === null ? "" : number(run.words_per_second),
  ].map(content => element("td", content))]);
}

function sums({ total }) {
  const lost = total.lost_seconds ? [", and ", time(total.lost_seconds), " in attempts that did not finish"] : [];
  const partly = total.without_cost ? [" (", number(total.without_cost), " without recorded CPU and GPU time)"] : [];
  const head = element("th", ["all ", number(total.runs), " runs", ...partly, ...lost], { scope: "row", colSpan: 4 });
  return element("tr", [head, ...[time(total.seconds), time(total.cpu_seconds), time(total.gpu_seconds), ""].map(content => element("td", content))]);
}

function facts(title, values) {
  const pairs = Object.entries(values).flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
  return pairs.length ? [element("h4", title), element("dl", pairs, { className: "signatures" })] : [];
}

function about(stage, provenance) {
  const files = Object.fromEntries(stage.files.map(file => [file.path, [code(file.md5), ` ${file.run ? `found by ${file.found_by}` : "no run is known"}`]]));
  const id = stage.files.find(file => file.run)?.run;
  const run = provenance.runs[id];
  const parts = run ? [...facts("Run", { id: code(id), commit: orUnknown(run.commit, code), command: code(run.command) }), ...facts("Parameters", run.parameters), ...facts("Versions", run.versions), ...facts("Machine", run.hardware)] : [];
  const count = [number(stage.files.length), stage.files.length === 1 ? " result" : " results"];
  const summary = element("summary", [element("span", stage.name), element("span", count)]);
  return element("li", element("details", [summary, ...facts("Results, with MD5", files), ...parts]));
}

// Every section of the page names the files of its numbers; this adds a link to the stage that made each file.
function lead(provenance) {
  for (const source of document.querySelectorAll(".source")) leadFrom(source, provenance);
}

function leadFrom(source, provenance) {
  const told = new Set();
  for (const link of source.querySelectorAll("a[href]:not(.maker)")) {
    const path = decodeURIComponent(new URL(link.getAttribute("href"), "file:///reports/").pathname.slice(1));
    const isHere = file => file.path === path || (path.endsWith("/") && file.path.startsWith(path));
    const place = provenance.stages.findIndex(stage => stage.files.some(isHere));
    if (place >= 0 && !told.has(place)) link.after(" (", element("a", ["made by ", provenance.stages[place].name], { className: "maker", href: `#provenance-${place}` }), ")");
    told.add(place);
  }
}

function draw(provenance) {
  body.replaceChildren(...provenance.stages.flatMap((stage, place) => {
    const lines = rows(stage, provenance);
    lines[0].id = `provenance-${place}`;
    return lines;
  }));
  foot.replaceChildren(sums(provenance));
  list.replaceChildren(...provenance.stages.map(stage => about(stage, provenance)));
  lead(provenance);
  message.replaceChildren("From ", code(provenance.store), ", written ", element("time", provenance.written, { dateTime: provenance.written }), ".");
  drawn.hidden = false;
}

function ask() {
  if (asked || !runs.open) return;
  asked = true;
  const script = element("script", [], { src: "provenance.js" });
  script.addEventListener("load", () => draw(window.provenance));
  script.addEventListener("error", () => {
    asked = false; // the file may be there at the next try
    message.replaceChildren("There is no provenance.js next to this page. Write it with ", code("python -m pipeline provenance"), ".");
  });
  section.append(script);
}

runs.addEventListener("toggle", ask);
addEventListener("click", event => { if (event.target.closest?.(".maker")) runs.open = true; });
runs.hidden = false;
})();
