// The official Node SDK, told only where we are. Every answer is printed, to be judged by whoever runs this.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { appendFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import Stripe from "stripe";

const [, , address, key, answers] = process.argv;
const { hostname, port } = new URL(address);

function recording() {
  const client = Stripe.createNodeHttpClient();
  const send = client.makeRequest.bind(client);
  client.makeRequest = async (...request) => {
    const response = await send(...request);
    const read = response.toJSON.bind(response);
    response.toJSON = async () => {
      const body = await read();
      appendFileSync(answers, JSON.stringify(body) + "\n");
      return body;
    };
    return response;
  };
  return client;
}

const connect = (secret, more = {}) =>
  new Stripe(secret, {
    host: hostname, port, protocol: "http", httpClient: recording(), maxNetworkRetries: 0, telemetry: false, ...more,
  });
const stripe = connect(key);
const sale = { amount: 2000, currency: "usd", confirm: true, payment_method: "pm_card_visa" };

async function refused(kind, promise) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.type, kind);
    assert.ok(error instanceof Stripe.errors[kind]);
    assert.match(error.requestId, /^req_/);
    return error;
  }
  assert.fail(`${kind} was expected`);
}

async function until(found) {
  for (const end = Date.now() + 20000; Date.now() < end; ) {
    const value = await found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("it did not happen in time");
}

const steps = {
  async "a payment from creation to refund"() {
    const made = await stripe.paymentIntents.create({
      amount: 1500, currency: "eur", metadata: { order: "7", gift: "yes" },
      shipping: { name: "Jenny", address: { line1: "1 Main St", country: "US" } },
    });
    assert.equal(made.status, "requires_payment_method");
    const changed = await stripe.paymentIntents.update(made.id, { amount: 1800, metadata: { gift: "" } });
    assert.deepEqual({ ...changed.metadata }, { order: "7" });
    const paid = await stripe.paymentIntents.confirm(made.id, {
      payment_method: "pm_card_mastercard", expand: ["latest_charge.balance_transaction"],
    });
    assert.equal(paid.status, "succeeded");
    assert.equal(paid.latest_charge.balance_transaction.amount, 1800);
    const refund = await stripe.refunds.create({ charge: paid.latest_charge.id, amount: 800 });
    assert.equal(refund.status, "succeeded");
    const charge = await stripe.charges.retrieve(paid.latest_charge.id, { expand: ["refunds"] });
    assert.deepEqual([charge.amount_refunded, charge.refunds.data[0].id], [800, refund.id]);
    assert.equal((await stripe.refunds.list({ payment_intent: paid.id })).data.length, 1);
  },
  async "authorizations"() {
    const held = await stripe.paymentIntents.create({ ...sale, capture_method: "manual" });
    assert.equal(held.amount_capturable, 2000);
    const done = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 1200 });
    assert.deepEqual([done.status, done.amount_received], ["succeeded", 1200]);
    const other = await stripe.paymentIntents.create({ ...sale, capture_method: "manual" });
    assert.equal((await stripe.paymentIntents.cancel(other.id)).status, "canceled");
  },
  async "customers and their cards"() {
    const customer = await stripe.customers.create({ email: "jenny@example.com", name: "Jenny" });
    const method = await stripe.paymentMethods.create({
      type: "card", card: { number: "4242424242424242", exp_month: 12, exp_year: 2040, cvc: "123" },
    });
    await stripe.paymentMethods.attach(method.id, { customer: customer.id });
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
    assert.equal((await stripe.customers.listPaymentMethods(customer.id)).data.length, 1);
    const paid = await stripe.paymentIntents.create({
      ...sale, customer: customer.id, payment_method: method.id, expand: ["customer"],
    });
    assert.equal(paid.customer.email, "jenny@example.com");
    assert.equal((await stripe.paymentMethods.detach(method.id)).customer, null);
    assert.equal((await stripe.customers.del(customer.id)).deleted, true);
  },
  async "balance, account and events"() {
    const paid = await stripe.paymentIntents.create(sale);
    assert.ok((await stripe.balance.retrieve()).pending.length);
    const [newest] = (await stripe.balanceTransactions.list({ limit: 1 })).data;
    assert.equal(newest.net, newest.amount - newest.fee);
    assert.equal((await stripe.balanceTransactions.retrieve(newest.id, { expand: ["source"] })).source.object, "charge");
    assert.equal((await stripe.accounts.retrieveCurrent()).object, "account");
    const [event] = (await stripe.events.list({ type: "payment_intent.succeeded", limit: 1 })).data;
    assert.equal(event.data.object.id, paid.id);
  },
  async "errors"() {
    const declined = await refused(
      "StripeCardError",
      stripe.paymentIntents.create({ ...sale, payment_method: "pm_card_chargeDeclinedInsufficientFunds" }),
    );
    assert.deepEqual([declined.code, declined.decline_code], ["card_declined", "insufficient_funds"]);
    assert.equal(declined.payment_intent.status, "requires_payment_method");
    const unknown = await refused("StripeInvalidRequestError", stripe.paymentIntents.create({ ...sale, colour: "red" }));
    assert.deepEqual([unknown.code, unknown.param, unknown.statusCode], ["parameter_unknown", "colour", 400]);
    const missing = await refused("StripeInvalidRequestError", stripe.paymentIntents.retrieve("pi_nothing"));
    assert.deepEqual([missing.code, missing.statusCode], ["resource_missing", 404]);
    await refused("StripeAuthenticationError", connect("sk_test_wrong").balance.retrieve());
    await refused("StripePermissionError", stripe.balance.retrieve({}, { stripeAccount: "acct_somebody" }));
    const idempotencyKey = randomUUID();
    const first = await stripe.paymentIntents.create(sale, { idempotencyKey });
    assert.equal((await stripe.paymentIntents.create(sale, { idempotencyKey })).id, first.id);
    await refused("StripeIdempotencyError", stripe.paymentIntents.create({ ...sale, amount: 2001 }, { idempotencyKey }));
  },
  async "its own retries end in one payment"() {
    const patient = connect(key, { maxNetworkRetries: 8 });
    const idempotencyKey = randomUUID();
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await patient.paymentIntents.create(sale, { idempotencyKey })).id),
    );
    assert.equal(new Set(ids).size, 1);
  },
  async "pages, both ways, while rows are added"() {
    const before = [];
    for (let number = 0; number < 25; number++) before.push((await stripe.customers.create({ name: `${number}` })).id);
    let adding = true;
    const added = (async () => {
      while (adding) await stripe.customers.create({ name: "newer" });
    })();
    const down = [];
    for await (const customer of stripe.customers.list({ limit: 4 })) {
      down.push(customer.id);
      if (customer.id === before[0]) break;
    }
    assert.equal(new Set(down).size, down.length);
    assert.deepEqual(down.slice(-25), before.toReversed());
    const up = [];
    for await (const customer of stripe.customers.list({ limit: 4, ending_before: before[0] })) {
      up.push(customer.id);
      if (up.length === 30) break;
    }
    adding = false;
    await added;
    assert.equal(new Set(up).size, up.length);
    assert.deepEqual(up.slice(0, 24), before.slice(1));
  },
  async "deliveries verify"() {
    const got = [];
    const shop = createServer((request, response) => {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        got.push({ payload: Buffer.concat(parts), signature: request.headers["stripe-signature"] });
        response.end();
      });
    });
    await new Promise((resolve) => shop.listen(0, "127.0.0.1", resolve));
    const endpoint = await stripe.webhookEndpoints.create({
      url: `http://127.0.0.1:${shop.address().port}/`, enabled_events: ["payment_intent.succeeded"],
    });
    const paid = await stripe.paymentIntents.create(sale);
    const { payload, signature } = await until(() => got.find((delivery) => delivery.payload.includes(paid.id)));
    const event = stripe.webhooks.constructEvent(payload, signature, endpoint.secret);
    assert.equal(event.data.object.id, paid.id);
    assert.throws(
      () => stripe.webhooks.constructEvent(`${payload} `, signature, endpoint.secret),
      Stripe.errors.StripeSignatureVerificationError,
    );
    assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true);
    shop.closeAllConnections();
    shop.close();
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
process.exit(0);
