// `kill -9` of a hub under two apps: one whose SDK knows both hubs, one behind a load balancer that goes on to the other.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { missedInOrder } from './checks.mjs';
import { Person, encodings } from './person.mjs';
import { Proxy } from './proxy.mjs';
import { friend, killHub, logIn, me, room, sleep, up, upFile } from './stack.mjs';

/** The process ids, once the dead hub has been started again. */
async function startedAgain(dead) {
  for (let round = 0; round < 50; round += 1) {
    const { hub_pids: pids } = await upFile();
    if (pids[0] !== dead) return pids;
    await sleep(100);
  }
  throw new Error('up.json still names the dead hub after 5 s');
}

for (const encoding of encodings) {
  describe(`JavaScript SDK in ${encoding.name}, a hub killed`, { concurrency: false }, () => {
    const tested = [
      ['with both hubs as endpoints', async () => {
        return { endpoint: up.hubs.map((endpoint) => ({ transport: 'websocket', endpoint })), afterwards() {} };
      }],
      ['behind a balancer', async (t) => {
        const balancer = await Proxy.before(t, ...up.hubs);
        return { endpoint: balancer.url, afterwards: () => balancer.leaveOutFirst() };
      }],
    ];
    for (const [name, way] of tested) {
      test(`${name}: everything missed comes, in order, once`, async (t) => {
        // The other way round than in the other tests, for messages a minute are limited by sender.
        const token = await logIn(friend);
        const { endpoint, afterwards } = await way(t);
        const hearer = await Person.connected(t, encoding, endpoint, { token });
        const hearing = await hearer.listening(`room:${room.id}`);
        const sender = await Person.connected(t, encoding, up.hubs[1], { token: await logIn(me) });
        const { hub_pids: before } = await upFile();
        await missedInOrder({
          hearer, hearing, sender, receiver: friend, room,
          lose: async () => {
            await killHub(before[0]);
            afterwards();
          },
          find: () => startedAgain(before[0]),
        });
        const fresh = await Person.connected(t, encoding, up.hubs[0], { token });
        assert.equal(fresh.all('connected')[0].data.user.id, friend.id);
      });
    }
  });
}
