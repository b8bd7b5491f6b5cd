"use strict";
// The browser of all test sentences. Their texts become text nodes, never markup.
(() => {
const PAGE = 10; // sentences
const section = document.getElementById("sentences");
const [cardTemplate, runTemplate] = section.querySelectorAll("template");
const [words, run, order] = ["words", "run", "order"].map(name => document.getElementById(`sentences-${name}`));
const [form, message, cards] = ["form", ".found", ".cards"].map(name => section.querySelector(name));
const pagers = section.querySelectorAll(".pages"); // above and below the sentences
const sentences = JSON.parse(section.querySelector('script[type="application/json"]').textContent);
const rows = sentences.source.map((_, row) => row);
let shown = rows; // the rows that match the search, in their order
let first = 0; // index in `shown` of the first sentence on this page

const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });
const rounded = digits => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven" });
const whole = rounded(0), precise = rounded(2);
const number = (value, format) => Object.assign(element("data", format.format(value)), { value });
const tokens = row => [number(sentences.tokens[row], whole), sentences.tokens[row] === 1 ? " token" : " tokens"];

const chosen = () => run.value === "" ? sentences.runs : [sentences.runs[run.value]];
const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
// Unicode can encode an accented letter in several ways; NFC uses a single character.
const plain = text => text.normalize("NFC").toLowerCase();

function keyOf(measure) {
  return measure === "tokens" ? row => sentences.tokens[row] : row => mean(chosen().map(system => system[measure][row]));
}

function texts(row) {
  return plain([sentences.source[row], sentences.reference[row], ...chosen().map(system => system.translation[row])].join("\n"));
}

function search() {
  const wanted = plain(words.value).split(/\s+/u).filter(Boolean);
  shown = rows.filter(row => { const text = wanted.length ? texts(row) : ""; return wanted.every(word => text.includes(word)); });
  const [measure, sign] = order.value.split(" ");
  if (measure) {
    const keys = new Map(shown.map(row => [row, sign * keyOf(measure)(row)]));
    shown.sort((left, right) => keys.get(left) - keys.get(right));
  }
  first = 0;
  draw();
}

function draw() {
  const last = Math.min(first + PAGE, shown.length);
  cards.replaceChildren(...shown.slice(first, last).map(drawSentence));
  const range = [number(first + 1, whole), " to ", number(last, whole), " of "];
  const count = [number(shown.length, whole), shown.length === 1 ? " sentence" : " sentences"];
  message.replaceChildren(...(shown.length ? [...range, ...count] : ["No sentence has these words."]));
  for (const pager of pagers) {
    pager.hidden = shown.length <= PAGE;
    for (const button of pager.children) button.setAttribute("aria-disabled", !canStep(+button.dataset.step));
  }
}

function canStep(step) {
  const start = first + step * PAGE;
  return start >= 0 && start < shown.length;
}

function drawSentence(row) {
  const table = cardTemplate.content.firstElementChild.cloneNode(true);
  table.querySelector(".id").append(number(row, whole));
  table.querySelector(".tokens").append(...tokens(row));
  table.querySelector(".source-text").textContent = sentences.source[row];
  table.querySelector(".reference-text").textContent = sentences.reference[row];
  table.tBodies[0].append(...chosen().map(system => drawTranslation(system, row)));
  return table;
}

function drawTranslation(system, row) {
  const line = runTemplate.content.firstElementChild.cloneNode(true);
  line.querySelector(".name").textContent = system.name;
  if (!system.equal[row]) line.querySelector(".equal").remove();
  line.querySelector(".text").append(...marked(system.translation[row], system.parts[row]));
  line.querySelector(".chrf").append(number(system.chrf[row], precise));
  line.querySelector(".classroom-bleu").append(number(system.classroom_bleu[row], precise));
  line.querySelector(".unknown").append(number(system.unknown[row], whole));
  line.querySelector(".log-prob").append(number(system.log_prob[row], precise));
  const alternatives = system.n_best[row].map(drawAlternative);
  if (alternatives.length) line.querySelector(".n-best").append(...alternatives);
  else line.querySelector("details").remove();
  return line;
}

// Splits a translation into parts by their numbers of words: as in the reference (positive), marked (negative), or a gap (0).
function* marked(text, parts) {
  const left = text.split(" ");
  for (const [place, part] of parts.entries()) {
    if (part === 0) yield Object.assign(element("span", ""), { className: "gap" });
    else yield element(part < 0 ? "mark" : "span", left.splice(0, Math.abs(part)).join(" "));
    if (part !== 0 && place < parts.length - 1) yield " ";
  }
  if (!text) yield Object.assign(element("em", "nothing"), { className: "nothing" });
}

function drawAlternative([text, logProb, score]) {
  const item = document.createElement("li");
  const measures = Object.assign(element("div", "log-probability "), { className: "measures" });
  measures.append(number(logProb, precise), ...(score === logProb ? [] : [", score ", number(score, precise)]));
  const translation = text ? element("div", text) : Object.assign(element("div", "nothing"), { className: "nothing" });
  translation.dir = "auto";
  if (text) translation.lang = runTemplate.content.querySelector(".text").lang;
  item.append(translation, measures);
  return item;
}

form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("input", search);
section.addEventListener("click", event => {
  const step = +(event.target.dataset.step ?? 0);
  if (!step || !canStep(step)) return;
  first += step * PAGE;
  draw();
  if (pagers[1].contains(event.target)) message.focus(); // readers at the end of a page go on at the top of the next
});
form.hidden = false;
search();
})();
