// Checks that several tests share.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

const shapes = {
  number: (value) => Number.isSafeInteger(value),
  string: (value) => typeof value === 'string' && value !== '',
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  null: (value) => value === null,
};

function fill(data, known) {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      if (value === '$uuid') return [name, randomUUID()];
      if (Array.isArray(value)) return [name, value.map((one) => fill({ one }, known).one)];
      return [name, typeof value === 'string' && value.startsWith('$') ? known[value.slice(1)] : value];
    }),
  );
}

/** Compares an answer with the shape that calls.json describes; more members than described are fine. */
function fits(value, shape, known, path) {
  if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value) && value.length === shape.length, `${path} is ${JSON.stringify(value)}`);
    shape.forEach((one, index) => fits(value[index], one, known, `${path}[${index}]`));
  } else if (typeof shape === 'object') {
    assert.ok(value !== null && typeof value === 'object', `${path} is ${JSON.stringify(value)}`);
    for (const [name, inner] of Object.entries(shape)) fits(value[name], inner, known, `${path}.${name}`);
  } else if (shape.startsWith('$')) {
    assert.equal(value, known[shape.slice(1)], path);
  } else if (shape.startsWith('=')) {
    assert.equal(value, shape.slice(1), path);
  } else {
    const allowed = shape.split('|');
    assert.ok(allowed.some((kind) => shapes[kind](value)), `${path} is ${JSON.stringify(value)}, not ${shape}`);
  }
}

/** Makes one call of calls.json; what it keeps is known to those after it. */
export async function checkCall(call, known, rpc) {
  const answer = rpc(call.method, fill(call.data, known));
  if (call.error) {
    await assert.rejects(answer, (error) => {
      assert.equal(error.code, call.error.code);
      assert.ok(error.message.startsWith(call.error.rule ?? ''), error.message);
      return true;
    });
    return;
  }
  const value = await answer;
  fits(value, call.answer, known, call.method);
  for (const [name, path] of Object.entries(call.keep ?? {})) {
    known[name] = path.split('.').reduce((inner, member) => inner[member], value);
  }
}

const messagesOf = (hearing) =>
  hearing.all('publication', ({ data }) => data.type.endsWith('.message_created'));

/**
 * One message to each channel, then `lose`, several more while `hearer` is away, `find`, and one more each: all of them
 * are heard in the order of sending, once, and the SDK says that it recovered.
 */
export async function missedInOrder({ hearer, hearing, sender, receiver, room, lose, find }) {
  const mark = randomUUID();
  const sent = { chat: [], room: [] };
  const say = async (words) => {
    const body = `${words} ${mark}`;
    const client_id = randomUUID();
    const chat = await sender.rpc('chat.send_message', { client_id, user_id: receiver.id, body });
    sent.chat.push(chat.message.id);
    const posted = await sender.rpc('rooms.post_message', { client_id, room_id: room.id, body });
    sent.room.push(posted.message.id);
  };
  const ours = ({ data }) => data.data.message?.body?.endsWith(mark);
  const recovered = ({ wasRecovering }) => wasRecovering;

  await say('before');
  for (const heard of [hearer, hearing]) await heard.one('publication', ours);
  await lose();
  await hearer.one('connecting', ({ code }) => code !== 0);
  for (const words of ['first', 'second', 'third', 'fourth']) await say(words);
  await find();
  await hearer.some(2, 'connected', undefined, 15_000);
  const own = await hearer.one('subscribed', (one) => recovered(one) && one.channel === `user:${receiver.id}`);
  const inRoom = await hearing.one('subscribed', recovered);
  assert.deepEqual([own.recovered, inRoom.recovered], [true, true]);
  await say('after');

  for (const [heard, ids] of [[hearer, sent.chat], [hearing, sent.room]]) {
    await heard.some(ids.length, 'publication', ours);
  }
  // A repeat would come now.
  await new Promise((done) => setTimeout(done, 500));
  for (const [heard, ids] of [[hearer, sent.chat], [hearing, sent.room]]) {
    const all = messagesOf(heard).filter(ours);
    assert.deepEqual(all.map(({ data }) => data.data.message.id), ids);
    const offsets = all.map(({ offset }) => offset);
    assert.deepEqual(offsets, [...new Set(offsets)].sort((one, other) => one - other));
  }
}
