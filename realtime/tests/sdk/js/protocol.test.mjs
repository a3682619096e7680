// What realtime.md promises to the official JavaScript SDK, in both of its encodings. The Python tests are the same list.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { checkCall, missedInOrder } from './checks.mjs';
import { Person, encodings } from './person.mjs';
import { Proxy } from './proxy.mjs';
import { forgetChannel, friend, host, logIn, logOut, me, mint, newSession, room, sleep, up } from './stack.mjs';

const calls = JSON.parse(await readFile(new URL('../calls.json', import.meta.url), 'utf8'));
const [here, there] = up.hubs;
const roomChannel = `room:${room.id}`;
const ownChannel = `user:${me.id}`;

for (const [index, encoding] of encodings.entries()) {
  describe(`JavaScript SDK in ${encoding.name}`, { concurrency: false }, () => {
    const connect = async (t, account, hub, options = {}) =>
      Person.connected(t, encoding, hub, { token: await logIn(account), ...options });

    test('a token of a REST login connects, and the personal channel is there', async (t) => {
      const person = await connect(t, me, here);
      const connected = person.all('connected')[0];
      assert.match(connected.client, /^[0-9a-f]{8}-[0-9a-f]{4}-/);
      assert.equal(connected.data.user.id, me.id);
      assert.equal(typeof connected.data.user.name, 'string');
      assert.equal(typeof connected.data.unread_total, 'number');
      assert.ok(Math.abs(Date.parse(connected.data.server_time) - Date.now()) < 60_000);

      const subscribed = await person.one('subscribed', ({ channel }) => channel === ownChannel);
      assert.equal(subscribed.recoverable, true);
      assert.equal(typeof subscribed.streamPosition.epoch, 'string');
      assert.equal(subscribed.wasRecovering, false);
    });

    test('a token in the header of the upgrade connects', async (t) => {
      const headers = { Authorization: `Bearer ${await logIn(me)}` };
      const person = await Person.connected(t, encoding, here, { headers });
      assert.equal(person.all('connected')[0].data.user.id, me.id);
    });

    test('getToken is asked where there is no token, and again where it has expired', async (t) => {
      const asked = [];
      const getToken = async () => {
        asked.push(Date.now());
        return mint(me);
      };
      await Person.connected(t, encoding, here, { getToken });
      assert.equal(asked.length, 1);

      const token = await mint(me, 2);
      await sleep(3_000);
      const late = await Person.connected(t, encoding, here, { token, getToken });
      assert.equal(asked.length, 2);
      assert.deepEqual(late.all('error').map(({ error }) => error.code), [109]);
    });

    test('a token that ends is refreshed on the live socket', async (t) => {
      let asked = 0;
      const getToken = async () => {
        asked += 1;
        return mint(me);
      };
      const person = await Person.connected(t, encoding, here, { token: await mint(me, 4), getToken });
      for (let round = 0; round < 100 && asked === 0; round += 1) await sleep(100);
      assert.equal(asked, 1);
      await sleep(1_000);
      assert.ok((await person.rpc('presence.query', { user_ids: [me.id] })).users);
      assert.equal(person.all('connected').length, 1);
      assert.equal(person.all('connecting').length, 1);
      assert.deepEqual(person.all('error'), []);
    });

    test('a token that is none of ours ends it for good with 3500', async (t) => {
      const person = new Person(t, encoding, here, { token: 'a.b.c' });
      person.client.connect();
      const { code } = await person.one('disconnected');
      assert.equal(code, 3500);
      await sleep(700);
      assert.equal(person.all('connecting').length, 1);
    });

    test('a 1:1 message comes from the other hub, to both people', async (t) => {
      const [hearer, sender] = [await connect(t, me, here), await connect(t, friend, there)];
      const otherDevice = await connect(t, friend, here);
      const body = `hello ${randomUUID()}`;
      const { message } = await sender.rpc('chat.send_message', { client_id: randomUUID(), user_id: me.id, body });
      assert.equal(message.sender_id, friend.id);

      const isIt = ({ data }) => data.data.message?.id === message.id;
      const heard = await hearer.one('publication', isIt);
      assert.equal(heard.channel, ownChannel);
      assert.equal(heard.data.type, 'chat.message_created');
      assert.equal(typeof heard.data.id, 'string');
      assert.ok(Math.abs(Date.parse(heard.data.at) - Date.now()) < 60_000);
      assert.equal(heard.data.data.message.body, body);
      assert.equal(typeof heard.data.data.unread_total, 'number');
      assert.ok(heard.offset > 0);
      for (const device of [sender, otherDevice]) {
        assert.equal((await device.one('publication', isIt)).channel, `user:${friend.id}`);
      }
    });

    test('rpc answers and errors have the documented shapes', async (t) => {
      const person = await connect(t, me, here);
      const many = Array.from({ length: 201 }, (_, user) => user + 1);
      const known = { me: me.id, friend: friend.id, room: room.id, many };
      for (const call of calls) {
        await t.test(call.name, () => checkCall(call, known, (method, data) => person.rpc(method, data)));
      }
    });

    test('the same write twice is one message, and other content is refused', async (t) => {
      const [hearer, sender] = [await connect(t, me, here), await connect(t, friend, there)];
      const write = { client_id: randomUUID(), user_id: me.id, body: `once ${randomUUID()}` };
      const first = await sender.rpc('chat.send_message', write);
      assert.deepEqual(await sender.rpc('chat.send_message', write), first);
      const heard = await hearer.some(2, 'publication', ({ data }) => data.data.message?.id === first.message.id);
      assert.equal(heard[0].data.id, heard[1].data.id);
      await assert.rejects(sender.rpc('chat.send_message', { ...write, body: 'other' }), (error) => {
        assert.equal(error.code, 1009);
        assert.ok(error.message.startsWith('idempotency_key_reused'), error.message);
        return true;
      });
    });

    test('a client may not publish', async (t) => {
      const person = await connect(t, me, here);
      await person.listening(roomChannel);
      for (const channel of [roomChannel, ownChannel]) {
        await assert.rejects(person.client.publish(channel, encoding.encode({ type: 'lie' })), { code: 103 });
      }
    });

    test('channels that are not there or not mine are refused', async (t) => {
      const person = await connect(t, me, here);
      for (const [channel, code] of [[`user:${friend.id}`, 103], ['room:999999999', 103], ['nonsense', 102]]) {
        const hearing = person.listen(channel);
        assert.equal((await hearing.one('unsubscribed')).code, code, channel);
      }
    });

    test('a room gives its state when subscribing, then its messages from every hub', async (t) => {
      const [hearer, speaker] = [await connect(t, me, here), await connect(t, friend, there)];
      const hearing = await hearer.listening(roomChannel);
      const { data, recoverable } = hearing.all('subscribed')[0];
      assert.equal(recoverable, true);
      assert.equal(data.id, room.id);
      assert.equal(data.status, 'active');
      for (const member of ['viewers', 'slow_mode_seconds']) assert.equal(typeof data[member], 'number', member);
      assert.ok(Array.isArray(data.pinned));

      const body = `to all ${randomUUID()}`;
      const posted = await speaker.rpc('rooms.post_message', { client_id: randomUUID(), room_id: room.id, body });
      const heard = await hearing.one('publication', (one) => one.data.data.message?.id === posted.message.id);
      assert.equal(heard.data.type, 'room.message_created');
      assert.equal(heard.data.data.message.body, body);
      assert.equal(heard.data.data.message.user_id, friend.id);

      hearing.subscription.unsubscribe();
      await hearing.one('unsubscribed');
      await speaker.rpc('rooms.post_message', { client_id: randomUUID(), room_id: room.id, body: 'unheard' });
      await sleep(500);
      assert.deepEqual(hearing.all('publication', (one) => one.data.data.message?.body === 'unheard'), []);
    });

    test('a room has a history', async (t) => {
      const [hearer, speaker] = [await connect(t, me, here), await connect(t, friend, there)];
      const hearing = await hearer.listening(roomChannel);
      const { streamPosition: since } = hearing.all('subscribed')[0];
      const ids = [];
      for (const body of ['one', 'two', 'three']) {
        const posted = await speaker.rpc('rooms.post_message', { client_id: randomUUID(), room_id: room.id, body });
        ids.push(posted.message.id);
      }
      const messages = ({ publications }) =>
        publications.map(({ data }) => encoding.decode(data)).filter(({ type }) => type === 'room.message_created');
      const forward = await hearing.subscription.history({ since, limit: 50 });
      assert.equal(forward.epoch, since.epoch);
      assert.deepEqual(messages(forward).map(({ data }) => data.message.id), ids);
      const backward = await hearing.subscription.history({ limit: 50, reverse: true });
      assert.deepEqual(messages(backward).slice(0, 3).map(({ data }) => data.message.id), ids.toReversed());
      const position = await hearing.subscription.history();
      assert.deepEqual(position.publications, []);
      assert.ok(position.offset >= forward.publications.at(-1).offset);
    });

    test('a room tells who is in it, who comes and who leaves', async (t) => {
      const hearer = await connect(t, me, here);
      const hearing = await hearer.listening(roomChannel, { joinLeave: true });
      // Somebody whom no other test lets in, so that coming and leaving are theirs alone.
      const guest = up.accounts[4 + index];
      const visitor = await Person.connected(t, encoding, there, { token: await mint(guest) });
      const visit = await visitor.listening(roomChannel);
      assert.equal((await hearing.one('join', ({ info }) => info.user === String(guest.id))).channel, roomChannel);

      const { clients } = await hearing.subscription.presence();
      const users = Object.values(clients).map(({ user }) => user);
      assert.ok(users.includes(String(me.id)) && users.includes(String(guest.id)), `in the room: ${users}`);
      const { numClients, numUsers } = await hearing.subscription.presenceStats();
      assert.equal(numUsers, new Set(users).size);
      assert.ok(numClients >= numUsers);

      visit.subscription.unsubscribe();
      await hearing.one('leave', ({ info }) => info.user === String(guest.id), 15_000);
    });

    test('somebody’s presence is given when subscribing', async (t) => {
      const [hearer] = [await connect(t, me, here), await connect(t, friend, there)];
      const hearing = await hearer.listening(`presence:${friend.id}`);
      const { data } = hearing.all('subscribed')[0];
      assert.deepEqual(data, { user_id: friend.id, online: true, last_seen_at: null });
    });

    test('after a lost connection everything missed comes, in order, once', async (t) => {
      const proxy = await Proxy.before(t, here);
      const [hearer, sender] = [await connect(t, me, proxy.url), await connect(t, friend, there)];
      const hearing = await hearer.listening(roomChannel);
      await missedInOrder({
        hearer, hearing, sender, receiver: me, room,
        lose: () => proxy.cut(),
        find: () => proxy.restore(),
      });
      assert.equal(proxy.accepted, 2);
    });

    test('where the window was left, the app is told so and reads the rest from MySQL', async (t) => {
      const proxy = await Proxy.before(t, here);
      const [hearer, sender] = [await connect(t, me, proxy.url), await connect(t, friend, there)];
      const say = async () => {
        const write = { client_id: randomUUID(), user_id: me.id, body: 'while away' };
        return (await sender.rpc('chat.send_message', write)).message.id;
      };
      const known = await say();
      await hearer.one('publication', ({ data }) => data.data.message?.id === known);
      proxy.cut();
      await hearer.one('connecting', ({ code }) => code !== 0);
      const missed = [await say(), await say()];
      await forgetChannel(ownChannel);
      missed.push(await say());
      proxy.restore();
      const again = await hearer.one('subscribed', (one) => one.wasRecovering && one.channel === ownChannel, 15_000);
      assert.equal(again.recovered, false);
      assert.deepEqual(hearer.all('publication', ({ data }) => missed.includes(data.data.message?.id)), []);
      const { messages } = await hearer.rpc('chat.sync', { after_message_id: known });
      const ids = messages.map(({ id }) => id);
      assert.deepEqual(missed.filter((id) => !ids.includes(id)), []);
      // And from here on it goes on as ever.
      const after = await say();
      await hearer.one('publication', ({ data }) => data.data.message?.id === after);
    });

    test('whoever is banned hears no more, until let in again', async (t) => {
      const guest = up.accounts.filter(({ role }) => role === 'learner')[8 + index];
      const visitor = await Person.connected(t, encoding, there, { token: await mint(guest) });
      const visit = await visitor.listening(roomChannel);
      const moderator = await connect(t, host, here);
      const whom = { room_id: room.id, user_id: guest.id };
      await moderator.rpc('rooms.ban_user', whom);
      const ended = await visit.one('unsubscribed', undefined, 2_000);
      assert.equal(ended.code, 2000);
      await visitor.one('publication', ({ data }) => data.type === 'room.member_banned' && data.data.user_id === guest.id);
      await sleep(700);
      assert.equal(visit.all('subscribing').length, 1, 'the SDK takes it as final');
      assert.equal(visitor.all('disconnected').length, 0);
      visit.subscription.subscribe();
      assert.equal((await visit.some(2, 'unsubscribed'))[1].code, 103);
      await moderator.rpc('rooms.unban_user', whom);
      visit.subscription.subscribe();
      await visit.some(2, 'subscribed');
    });

    test('whoever signs out is disconnected for good with 4501', async (t) => {
      const guest = up.accounts.filter(({ role }) => role === 'learner')[10 + index];
      const token = await newSession(guest);
      const [one, other] = [here, there].map((hub) => Person.connected(t, encoding, hub, { token }));
      const devices = [await one, await other];
      await logOut(token);
      for (const device of devices) {
        assert.equal((await device.one('disconnected', undefined, 2_000)).code, 4501);
        assert.deepEqual(device.all('publication').map(({ data }) => data.type), ['session.revoked']);
      }
      await sleep(700);
      for (const device of devices) assert.equal(device.all('connecting').length, 1);
    });
  });
}
