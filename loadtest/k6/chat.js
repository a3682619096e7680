// 1:1 messages for k6 (https://k6.io): each virtual user is a couple, whose two sockets go to two hubs. Both take turns in
// writing, both hear everything, and at the end whatever was acknowledged must have been heard by both, once and in order.
//
//   cargo run -- up --no-limits          # in another terminal; it writes .majlis/up.json
//   k6 run loadtest/k6/chat.js
//   k6 run -e COUPLES=20 -e RATE=5 -e SECONDS=30 loadtest/k6/chat.js
//   k6 run -e API=http://127.0.0.1:7400 -e HUB=ws://127.0.0.1:7401/connection/websocket,ws://127.0.0.1:7402/connection/websocket \
//          -e EMAIL=a@example.org,b@example.org -e PASSWORD=secret loadtest/k6/chat.js
//
// COUPLES, RATE (messages a second of a couple), SECONDS; UP: another up.json (a path relative to this file, or absolute).
// A socket that breaks stays away here; `cargo run --release -p loadtest -- chat` comes back and recovers as an app does.
import { WebSocket } from 'k6/websockets';
import { Counter, Trend } from 'k6/metrics';
import exec from 'k6/execution';
import { conversations, target } from './target.js';

const { COUPLES = 10, RATE = 2, SECONDS = 20 } = __ENV;
const SETTLE_MS = 5000;

export const options = {
  setupTimeout: '120s',
  scenarios: {
    chat: { executor: 'per-vu-iterations', vus: Number(COUPLES), iterations: 1, maxDuration: `${Number(SECONDS) + 30}s` },
  },
  thresholds: {
    messages_lost: ['count==0'],
    messages_duplicated: ['count==0'],
    messages_out_of_order: ['count==0'],
    messages_unacknowledged: ['count==0'],
    messages_acknowledged: ['count>0'],
    sockets_broken: ['count==0'],
    acknowledgement_ms: ['p(99)<500'],
    delivery_ms: ['p(99)<500'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

const names = ['acknowledged', 'unacknowledged', 'heard', 'lost', 'duplicated', 'out_of_order'];
const counted = Object.fromEntries(names.map((name) => [name, new Counter(`messages_${name}`)]));
const broken = new Counter('sockets_broken');
const acknowledgement = new Trend('acknowledgement_ms');
const delivery = new Trend('delivery_ms');

/** Signs in and pairs those who may write to each other. More couples than pairs share their accounts. */
export function setup() {
  return conversations(target, Math.min(2 * Number(COUPLES), 50));
}

/** One socket. `heard(text)` is told of each message once per event, as it comes. */
function open(url, token, heard) {
  const socket = new WebSocket(url, ['centrifuge-json']);
  const waiting = new Map();
  const side = { ready: false, broken: false, closing: false };
  let next = 1;
  side.ask = (command, answered) => {
    waiting.set(next, answered);
    socket.send(JSON.stringify({ id: next++, ...command }));
  };
  side.close = () => {
    side.closing = true;
    socket.close();
  };
  socket.onopen = () => side.ask({ connect: { token } }, (reply) => { side.ready = !reply.error; });
  socket.onmessage = ({ data }) => {
    for (const line of data.split('\n')) {
      const message = JSON.parse(line);
      if (message.id) {
        const answered = waiting.get(message.id);
        waiting.delete(message.id);
        answered(message);
      } else if (message.push) {
        const event = message.push.pub && message.push.pub.data;
        if (event && event.type === 'chat.message_created') heard(event.data.message.body);
      } else {
        socket.send('{}'); // the server's ping is an empty frame, and so is the answer
      }
    }
  };
  socket.onclose = () => {
    side.broken = !side.closing;
    if (side.broken) broken.add(1);
  };
  socket.onerror = (error) => console.warn(`${url}: ${error.error}`);
  return side;
}

export default function couple(pairs) {
  const vu = exec.vu.idInTest;
  const pair = pairs[(vu - 1) % pairs.length];
  const run = `k6 ${vu} ${crypto.randomUUID()}`; // several couples of one pair of accounts hear one another: theirs is not ours
  const sentAt = [];
  const acknowledged = new Set();
  const heard = [0, 1].map(() => ({ times: new Map(), newest: [-2, -1] }));
  const sides = [0, 1].map((place) => open(target.hubs[(vu + place) % target.hubs.length], pair.tokens[place], (text) => {
    if (!text.startsWith(run)) return;
    const number = Number(text.slice(run.length));
    const mine = heard[place];
    delivery.add(Date.now() - sentAt[number]);
    counted.heard.add(1);
    // Of one sender; and a repeat is a duplicate, not disorder. (The events' ids are unique: a repeat would be dropped by an app.)
    const times = (mine.times.get(number) || 0) + 1;
    mine.times.set(number, times);
    if (times > 1) counted.duplicated.add(1);
    else if (number < mine.newest[number % 2]) counted.out_of_order.add(1);
    else mine.newest[number % 2] = number;
  }));

  const due = Math.round(Number(RATE) * Number(SECONDS));
  const clock = setInterval(() => {
    if (sentAt.length >= due || sides.some((side) => side.broken)) {
      clearInterval(clock);
      setTimeout(settle, 100);
      return;
    }
    const number = sentAt.length;
    const side = sides[number % 2];
    if (!side.ready) return;
    sentAt.push(Date.now());
    const data = { client_id: crypto.randomUUID(), conversation_id: pair.conversation_id, body: `${run} ${number}` };
    side.ask({ rpc: { method: 'chat.send_message', data } }, (reply) => {
      if (reply.error) return console.warn(`message refused: ${reply.error.code} ${reply.error.message}`);
      acknowledged.add(number);
      acknowledgement.add(Date.now() - sentAt[number]);
    });
  }, 1000 / Number(RATE));
  const given_up = setTimeout(() => { clearInterval(clock); settle(); }, Number(SECONDS) * 1000 + 10000);

  let waited = 0;
  function settle() {
    const missing = (mine) => [...acknowledged].filter((number) => !mine.times.has(number)).length;
    const open_ = sentAt.length - acknowledged.size + missing(heard[0]) + missing(heard[1]);
    if (open_ > 0 && (waited += 100) < SETTLE_MS) {
      setTimeout(settle, 100);
      return;
    }
    clearTimeout(given_up);
    counted.acknowledged.add(acknowledged.size);
    counted.unacknowledged.add(sentAt.length - acknowledged.size);
    heard.forEach((mine) => counted.lost.add(missing(mine)));
    sides.filter((side) => !side.broken).forEach((side) => side.close());
  }
}
