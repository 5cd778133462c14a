// What is wrong with this page for the people who read it, one sentence each. No rule here is about
// taste: language, headings, names of controls, sizes, contrast (WCAG 2.2 AA), nothing beyond the edge.

const faults = [];
const shows = (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest(".unseen");
const name = (node) => `${node.nodeName.toLowerCase()}.${[...node.classList].join(".")} "${(node.textContent ?? "").trim().slice(0, 40)}"`;
const all = (css) => [...document.querySelectorAll(css)];

function colour(text) {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return text.startsWith("color(srgb") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
}

function over(top, below) {
  return [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
}

function ground(node) {
  if (!node) return matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
  const own = colour(getComputedStyle(node).backgroundColor);
  return own[3] === 1 ? own : over(own, ground(node.parentElement));
}

function light([r, g, b]) {
  const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

function contrast(node) {
  const behind = ground(node);
  const [a, b] = [light(over(colour(getComputedStyle(node).color), behind)), light(behind)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function texts() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.data.trim() && node.parentElement.nodeName !== "NOSCRIPT" && shows(node.parentElement)) found.push(node);
  }
  return found;
}

const root = document.documentElement;
if (!["vi", "en"].includes(root.lang)) faults.push(`lang is "${root.lang}"`);
if (!document.title.trim()) faults.push("no title");
if (all("h1").length !== 1) faults.push(`${all("h1").length} h1`);
if (all("main").length !== 1) faults.push(`${all("main").length} main`);
if (root.scrollWidth > root.clientWidth) faults.push(`scrolls sideways: ${root.scrollWidth} in ${root.clientWidth}`);

let level = 1;
for (const heading of all("h1, h2, h3, h4")) {
  const own = Number(heading.nodeName[1]);
  if (own > level + 1) faults.push(`${name(heading)} leaves a level out`);
  level = own;
}

for (const node of texts()) {
  const parent = node.parentElement;
  const size = parseFloat(getComputedStyle(parent).fontSize);
  if (size < 12) faults.push(`${name(parent)} is ${size} px`);
  const ratio = contrast(parent);
  if (ratio < 4.5) faults.push(`${name(parent)} has contrast ${ratio.toFixed(2)}`);
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const box of range.getClientRects()) {
    if (box.left < -1 || box.right > root.clientWidth + 1) faults.push(`${name(parent)} is cut by the window`);
  }
  for (let clip = parent; clip; clip = clip.parentElement) {
    const cuts = getComputedStyle(clip).overflowX !== "visible" && clip.scrollWidth > clip.clientWidth + 1;
    if (cuts && clip.nodeName !== "HTML" && clip.nodeName !== "BODY") faults.push(`${name(clip)} cuts its text`);
  }
}

for (const picture of all("img")) {
  if (!picture.hasAttribute("alt")) faults.push(`${picture.src} has no alt`);
  if (picture.complete && !picture.naturalWidth) faults.push(`${picture.src} does not load`);
}
for (const field of all("input:not([type=hidden]), select, textarea").filter(shows)) {
  if (![...field.labels].some(shows)) faults.push(`field ${field.name} has no label to be seen`);
}
for (const control of all("a[href], button, summary").filter(shows)) {
  if (!(control.getAttribute("aria-label") ?? control.textContent).trim()) faults.push(`${name(control)} has no name`);
  const box = control.getBoundingClientRect();
  const inText = control.nodeName === "A" && getComputedStyle(control).display === "inline";
  if (!inText && box.top + box.height > 0 && (box.height < 24 || box.width < 24)) faults.push(`${name(control)} is too small to hit`);
}
return faults;
