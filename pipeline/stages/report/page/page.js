"use strict";
// On paper nothing can be unfolded, so folded parts are opened for printing and folded again afterwards.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});

// Parts of figures show their values on hover and on focus: Tab enters a figure, arrow keys move from part to part.
const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
tip.setAttribute("aria-hidden", "true"); // screen readers read the part itself
document.body.append(tip);

function makeValues(drawing) {
  drawing.setAttribute("role", "group");
  for (const text of drawing.querySelectorAll("text")) text.setAttribute("aria-hidden", "true");
  for (const [place, part] of drawing.querySelectorAll(".value").entries()) {
    const title = part.querySelector("title");
    part.setAttribute("role", "img");
    part.setAttribute("aria-label", title.textContent);
    part.setAttribute("tabindex", place === 0 ? "0" : "-1");
    title.remove(); // browsers would show it next to our tooltip
  }
}

let told = null; // the part whose value is shown

function tell(part) {
  told = part;
  tip.hidden = part === null;
  if (part === null) return;
  tip.textContent = part.getAttribute("aria-label");
  const place = part.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const left = place.left + place.width / 2 - size.width / 2;
  const above = place.top - size.height - 6;
  tip.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - size.width - 8))}px`;
  tip.style.top = `${above > 8 ? above : place.bottom + 6}px`;
}

function moveFocus(part, key) {
  const parts = [...part.closest("svg").querySelectorAll(".value")];
  const here = parts.indexOf(part);
  const there = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: parts.length - 1 }[key];
  if (!parts[there]) return false;
  part.setAttribute("tabindex", "-1");
  parts[there].setAttribute("tabindex", "0");
  parts[there].focus();
  return true;
}

for (const drawing of document.querySelectorAll("svg")) if (drawing.querySelector(".value")) makeValues(drawing);
const partAt = event => event.target.closest?.("svg .value");
for (const kind of ["pointerover", "focusin"]) addEventListener(kind, event => partAt(event) && tell(partAt(event)));
for (const kind of ["pointerout", "focusout"]) addEventListener(kind, event => partAt(event) && tell(null));
addEventListener("scroll", () => tell(told), { passive: true }); // a focused part may scroll into view
addEventListener("keydown", event => {
  if (event.key === "Escape") tell(null);
  else if (partAt(event) && moveFocus(partAt(event), event.key)) event.preventDefault();
});
