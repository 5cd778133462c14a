// Opt-in: the vendor's own library against our fixtures and our known request signature.
//   npm install --prefix PLACE @payos/node@2.0.5
//   NODE_PATH=PLACE/node_modules node tests/peers/payos/check.cjs
// The tests hold our code to the same files, so what passes here and there is signed alike.
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { PayOS } = require('@payos/node');

const KEY = 'payos_test_checksum_key';
const REQUEST = {
  amount: 50000,
  cancelUrl: 'https://e.x/c',
  description: 'BSR7K2Q9',
  orderCode: 123456,
  returnUrl: 'https://e.x/r',
};
const KNOWN = 'bce96de2406ee60d6c4a54efbe39a6a0d28b4b580f3968870444b9013eed1c8f';

async function main() {
  const payos = new PayOS({ clientId: 'client', apiKey: 'key', checksumKey: KEY });
  assert.equal(await payos.crypto.createSignatureOfPaymentRequest(REQUEST, KEY), KNOWN);
  const fixtures = path.join(__dirname, '../../fixtures/payos');
  const files = fs.readdirSync(fixtures).filter((name) => name.endsWith('.json'));
  assert.ok(files.length >= 4, 'the fixtures are there');
  for (const name of files) {
    const body = JSON.parse(fs.readFileSync(path.join(fixtures, name), 'utf8'));
    assert.deepEqual(await payos.webhooks.verify(body), body.data, name);
    body.data.amount += 1;
    await assert.rejects(payos.webhooks.verify(body), name);
  }
  console.log(`${files.length} bodies and 1 request: the vendor's library agrees`);
}

main();
