// Stripe's own library as signer, as verifier and as a client of our fake. Started by
// tests/it/peers/stripe.rs, which listens, and tells everything by the environment. Any failure is
// a non-zero end.
import assert from "node:assert/strict";
import Stripe from "stripe";

const { FAKE_PORT, SECRET_KEY, WEBHOOK_SECRET, HOOK, SIGNED } = process.env;

const stripe = new Stripe(SECRET_KEY, {
  host: "127.0.0.1",
  port: Number(FAKE_PORT),
  protocol: "http",
  maxNetworkRetries: 0,
});

// The library signs, we verify: the hook answers 200 to what our verifier accepts.
async function hook(payload, header) {
  const answer = await fetch(HOOK, {
    method: "POST",
    headers: { "stripe-signature": header, "content-type": "application/json" },
    body: payload,
  });
  return answer.status;
}
const now = Math.floor(Date.now() / 1000);
const payload = JSON.stringify({ id: "evt_peer", object: "event", title: "Khoá học – nâng cao" }, null, 2);
const sign = (options) =>
  stripe.webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET, ...options });
assert.equal(await hook(payload, sign({ timestamp: now })), 200);
assert.equal(await hook(payload, sign({ timestamp: now - 290 })), 200);
assert.equal(await hook(payload, sign({ timestamp: now - 400 })), 401);
assert.equal(await hook(payload, sign({ timestamp: now, secret: "whsec_other" })), 401);
assert.equal(await hook(payload + " ", sign({ timestamp: now })), 401);

// We sign, the library verifies.
const { signature, body } = JSON.parse(SIGNED);
const event = stripe.webhooks.constructEvent(body, signature, WEBHOOK_SECRET);
assert.equal(event.type, "checkout.session.completed");
assert.equal(event.data.object.payment_status, "paid");
assert.throws(() => stripe.webhooks.constructEvent(body + " ", signature, WEBHOOK_SECRET));

// The library as a client of the fake.
const wanted = {
  mode: "payment",
  client_reference_id: "ord_peer",
  customer_email: "ada@example.com",
  locale: "vi",
  success_url: "https://shop.example/o/1?session_id={CHECKOUT_SESSION_ID}",
  cancel_url: "https://shop.example/o/1",
  expires_at: now + 60 * 60,
  adaptive_pricing: { enabled: false },
  metadata: { order_id: "ord_peer" },
  payment_intent_data: { metadata: { order_id: "ord_peer" } },
  line_items: [
    { quantity: 1, price_data: { currency: "vnd", unit_amount: 499000, product_data: { name: "Rust" } } },
  ],
};
const options = { idempotencyKey: "pay_peer" };
const session = await stripe.checkout.sessions.create(wanted, options);
assert.equal(session.status, "open");
assert.equal(session.amount_total, 499000);
assert.equal(session.metadata.order_id, "ord_peer");
assert.ok(session.url.startsWith(`http://127.0.0.1:${FAKE_PORT}/`));
const again = await stripe.checkout.sessions.create(wanted, options);
assert.equal(again.id, session.id);
await assert.rejects(
  stripe.checkout.sessions.create({ ...wanted, locale: "en" }, options),
  Stripe.errors.StripeIdempotencyError,
);
await assert.rejects(
  stripe.checkout.sessions.create({ ...wanted, line_items: [] }),
  Stripe.errors.StripeInvalidRequestError,
);
await assert.rejects(
  new Stripe("sk_test_wrong", { host: "127.0.0.1", port: Number(FAKE_PORT), protocol: "http" }).accounts.retrieveCurrent(),
  Stripe.errors.StripeAuthenticationError,
);

// The buyer pays on the fake's page.
const pressed = await fetch(session.url, {
  method: "POST",
  redirect: "manual",
  body: new URLSearchParams({ deed: "pay" }),
});
assert.equal(pressed.status, 303);
assert.equal(pressed.headers.get("location"), `https://shop.example/o/1?session_id=${session.id}`);
const paid = await stripe.checkout.sessions.retrieve(session.id, { expand: ["payment_intent"] });
assert.equal(paid.status, "complete");
assert.equal(paid.payment_status, "paid");
assert.equal(paid.payment_intent.status, "succeeded");
await assert.rejects(
  stripe.checkout.sessions.expire(session.id),
  Stripe.errors.StripeInvalidRequestError,
);

const payment = paid.payment_intent.id;
const refund = await stripe.refunds.create(
  { payment_intent: payment, amount: 199000, metadata: { refund_id: "rfd_peer" } },
  { idempotencyKey: "rfd_peer" },
);
assert.equal(refund.status, "succeeded");
const refunds = await stripe.refunds.list({ payment_intent: payment });
assert.deepEqual(refunds.data.map((r) => r.id), [refund.id]);
await assert.rejects(
  stripe.refunds.create({ payment_intent: payment, amount: 499000 }),
  Stripe.errors.StripeInvalidRequestError,
);

const other = await stripe.checkout.sessions.create(wanted);
const ended = await stripe.checkout.sessions.expire(other.id);
assert.equal(ended.status, "expired");

// The library pages by itself.
const types = ["checkout.session.completed", "checkout.session.expired", "refund.created"];
const kinds = [];
for await (const listed of stripe.events.list({ types, limit: 1, created: { gte: now - 60 } })) {
  kinds.push(listed.type);
}
assert.deepEqual(kinds.filter((kind) => !types.includes(kind)), []);
assert.equal(kinds.filter((kind) => kind === "refund.created").length, 1);
assert.ok(kinds.includes("checkout.session.expired"));
const account = await stripe.accounts.retrieveCurrent();
assert.equal(account.charges_enabled, true);
const endpoints = await stripe.webhookEndpoints.list();
assert.equal(endpoints.object, "list");
console.log("stripe", Stripe.PACKAGE_VERSION, "agrees");
