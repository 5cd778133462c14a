// The shop front: how many courses are ticked and what they cost alone, and bundles ticked in place.
// The server computes the price; without this script the form works the same.

const boxes = [...document.querySelectorAll('input[name="course"]')];
const sum = document.querySelector(".sum");

function show() {
  const chosen = boxes.filter((box) => box.checked);
  const total = chosen.reduce((all, box) => all + Number(box.dataset.price), 0);
  const amount = `${String(total).replace(/\B(?=(\d{3})+$)/g, ".")} ₫`;
  sum.textContent = chosen.length
    ? sum.dataset.many.replace("{count}", chosen.length).replace("{amount}", amount)
    : sum.dataset.none;
}

// A price that was asked for is of what was chosen then.
const forget = () => document.querySelector(".price-now")?.remove();
const coupon = document.getElementById("field-coupon");

document.addEventListener("change", (event) => { if (boxes.includes(event.target)) { show(); forget(); } });
coupon?.addEventListener("input", forget);
coupon?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  document.querySelector("button.apply").click();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.choose-set");
  if (!link) return;
  event.preventDefault();
  const slugs = new URL(link.href).searchParams.getAll("course");
  for (const box of boxes) if (slugs.includes(box.value)) box.checked = true;
  show();
  forget();
  document.getElementById("order").scrollIntoView();
  document.getElementById("field-email").focus({ preventScroll: true });
});

if (sum) show();
document.getElementById("faults")?.focus();
