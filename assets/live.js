// The order page, live: listens for changes, fetches the new <main>, and changes only what differs, so
// that focus, selection and scroll stay. Without this script the page reloads itself and says all the same.

const POLL_MS = 5000;
const SILENCE_MS = 45000;
const main = () => document.getElementById("order");
const state = (name) => { document.documentElement.dataset.live = name; };

// What makes two nodes the same thing at two moments.
const kind = (node) => `${node.nodeName}#${node.id ?? ""}.${node.classList?.[0] ?? ""}`;

// Make `from` equal to `to`, which is of the same kind, without replacing what is already right.
// `hidden` and the `open` of details belong to the reader and to this script.
function morph(from, to) {
  if (from.nodeType === Node.TEXT_NODE && from.data !== to.data) from.data = to.data;
  if (from.nodeType !== Node.ELEMENT_NODE || from.nodeName === "NOSCRIPT") return;
  const ours = (name) => name === "hidden" || (name === "open" && from.nodeName === "DETAILS");
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !ours(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (!ours(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  morphChildren(from, to);
}

// Text is taken only where it stands; an element is looked for further on, and what stands between goes.
function morphChildren(from, to) {
  let here = from.firstChild;
  for (const wanted of to.childNodes) {
    let found = here;
    while (found && kind(found) !== kind(wanted)) {
      found = wanted.nodeType === Node.TEXT_NODE ? null : found.nextSibling;
    }
    if (!found) {
      from.insertBefore(wanted.cloneNode(true), here);
      continue;
    }
    while (here !== found) here = drop(here);
    morph(here, wanted);
    here = here.nextSibling;
  }
  while (here) here = drop(here);
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// Everything the script adds to the server's markup; again after each change.
function dress() {
  for (const button of document.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
  const countdown = document.querySelector(".countdown[data-seconds]");
  if (countdown && countdown.dataset.read !== main().dataset.version) {
    countdown.dataset.read = main().dataset.version;
    countdown.ends = performance.now() + Number(countdown.dataset.seconds) * 1000;
  }
  tick();
}

function tick() {
  const countdown = document.querySelector(".countdown[data-seconds]");
  if (!countdown?.ends) return;
  const left = Math.max(0, Math.round((countdown.ends - performance.now()) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const text = `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  countdown.querySelector("b").textContent = text;
  countdown.querySelector(".countdown-left").hidden = false;
}

let asked = 0;
async function refresh() {
  const mine = ++asked;
  const answer = await fetch(`${location.pathname}?fragment=1`, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById("order");
  if (!next || mine !== asked || next.dataset.version === main().dataset.version) return;
  const news = next.dataset.news !== main().dataset.news;
  const focused = document.activeElement;
  morph(main(), next);
  if (focused && !focused.isConnected) main().focus({ preventScroll: true });
  document.title = main().dataset.title;
  if (news) document.getElementById("news").textContent = main().dataset.news;
  dress();
  pace();
}

let stream = null;
let poll = null;
let lastSign = 0;
const final = () => main().dataset.final === "true";
const confirming = () => main().dataset.confirming === "true";

function listen() {
  stream?.close();
  lastSign = performance.now();
  stream = new EventSource(main().dataset.stream);
  const alive = () => { lastSign = performance.now(); };
  stream.addEventListener("open", () => { alive(); state("on"); refresh().catch(() => {}); });
  stream.addEventListener("beat", alive);
  stream.addEventListener("order", () => { alive(); refresh().catch(() => state("off")); });
  stream.addEventListener("error", () => { if (document.documentElement.dataset.live === "on") state("polling"); });
}

// The fallback: while the stream is down, ask every 5 s and try the stream again when it has given up.
async function fallBack() {
  const open = stream?.readyState === EventSource.OPEN;
  const alive = open && performance.now() - lastSign < SILENCE_MS;
  // A gateway that is slow to tell is asked by asking us.
  if (alive && !confirming()) return;
  await refresh().then(() => { if (!open) state("polling"); }, () => state("off"));
  if (!alive && stream && (open || stream.readyState === EventSource.CLOSED)) listen();
}

// A page that is final asks nothing by itself; it still hears of what a person decides later, as long
// as somebody looks at it.
function pace() {
  if (!final()) {
    poll ??= setInterval(fallBack, POLL_MS);
    if (!stream) listen();
    return;
  }
  clearInterval(poll);
  poll = null;
  if (document.hidden) hush();
  else if (!stream) listen();
}

function hush() {
  stream?.close();
  stream = null;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button.copy");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    return;
  }
  const shows = (copied) => {
    button.querySelector(".copy-word").hidden = copied;
    button.querySelector(".copied-word").hidden = !copied;
    button.classList.toggle("copied", copied);
  };
  shows(true);
  document.getElementById("news").textContent = button.querySelector(".copied-word").textContent;
  setTimeout(() => shows(false), 2000);
});

dress();
setInterval(tick, 1000);
if (!final()) state("polling");
pace();
document.addEventListener("visibilitychange", () => { if (final()) pace(); });
addEventListener("pagehide", hush);
addEventListener("pageshow", (event) => { if (event.persisted) pace(); });
