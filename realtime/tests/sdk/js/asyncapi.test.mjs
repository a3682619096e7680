// docs/asyncapi.json by the specification's own parser.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import parserPackage from '@asyncapi/parser';

const { Parser } = parserPackage;

test('the document is AsyncAPI 3 without an error', async () => {
  const text = await readFile(process.env.MAJLIS_ASYNCAPI, 'utf8');
  const { document, diagnostics } = await new Parser().parse(text);
  const errors = diagnostics.filter(({ severity }) => severity === 0);
  assert.deepEqual(errors.map(({ message, path }) => `${path.join('.')}: ${message}`), []);
  assert.equal(document.version(), '3.0.0');
  const operations = document.operations().all().length;
  assert.ok(operations > 40, `${operations} operations`);
  console.log(`${operations} operations, ${document.messages().all().length} messages`);
});
