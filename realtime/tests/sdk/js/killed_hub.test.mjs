// A hub ends under its apps: killed with -9 (one app's SDK knows both hubs, one is behind a load balancer that goes on to
// the other), and drained.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { missedInOrder } from './checks.mjs';
import { Person, encodings } from './person.mjs';
import { Proxy } from './proxy.mjs';
import { friend, logIn, me, room, signalHub, startedAgain, up, upFile } from './stack.mjs';

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
            await signalHub(before[0], 'SIGKILL');
            afterwards();
          },
          find: () => startedAgain(before[0]),
        });
        const fresh = await Person.connected(t, encoding, up.hubs[0], { token });
        assert.equal(fresh.all('connected')[0].data.user.id, friend.id);
      });
    }
  
    test('a hub that drains sends everybody on with 3001, and nothing is missed', async (t) => {
      const endpoints = up.hubs.toReversed().map((endpoint) => ({ transport: 'websocket', endpoint }));
      const hearer = await Person.connected(t, encoding, endpoints, { token: await logIn(friend) });
      const hearing = await hearer.listening(`room:${room.id}`);
      const sender = await Person.connected(t, encoding, up.hubs[0], { token: await logIn(me) });
      const { hub_pids: before } = await upFile();
      await missedInOrder({
        hearer, hearing, sender, receiver: friend, room,
        lose: async () => {
          await signalHub(before[1], 'SIGTERM');
          await hearer.one('connecting', ({ code }) => code === 3001, 15_000);
        },
        find: () => startedAgain(before[1]),
      });
      assert.deepEqual(hearer.all('disconnected'), []);
    });
  });
}
