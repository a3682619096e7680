// npm install centrifuge ws        node connect.mjs API HUB LOGIN PASSWORD ROOM
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';

const [api, endpoint, login, password, room] = process.argv.slice(2);

async function post(path, body) {
  const answer = await fetch(`${api}/api/v1${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { data, message } = await answer.json();
  if (!answer.ok) throw new Error(message);
  return data;
}

// The SDK asks for a token when it connects and again before one ends; a refresh token is good for one use.
let session = await post('/auth/login', { login, password });
let fresh = true;
async function getToken() {
  if (!fresh) session = await post('/auth/refresh', { refresh_token: session.refresh_token });
  fresh = false;
  return session.access_token;
}

// What may be heard twice is dropped by its id.
const known = new Set();
function hear(channel, { id, type, data }) {
  if (known.has(id)) return;
  known.add(id);
  console.log(channel, type, JSON.stringify(data));
}

const hub = new Centrifuge(endpoint, { getToken, websocket: WebSocket });
hub.on('publication', ({ channel, data }) => hear(channel, data)); // user:{id}, without subscribing
hub.on('subscribed', async ({ channel, wasRecovering, recovered }) => {
  // The window of events was left: MySQL knows what was written since the last message that this app has.
  if (wasRecovering && !recovered) console.log(channel, await hub.rpc('chat.sync', { after_message_id: 0 }));
});
hub.connect();
await hub.ready(10_000);

const listening = hub.newSubscription(`room:${room}`);
listening.on('publication', ({ data }) => hear(`room:${room}`, data));
listening.on('subscribed', ({ data }) => console.log('inside', data.title, 'viewers', data.viewers));
listening.subscribe();
await listening.ready(10_000);

// One client_id a message: whoever gets no answer sends the same again, and nothing is written twice.
const message = { client_id: crypto.randomUUID(), room_id: Number(room), body: 'مرحبا من JavaScript' };
async function send(method, data) {
  for (;;) {
    try {
      return (await hub.rpc(method, data)).data;
    } catch (error) {
      if (error.code >= 100 && !error.temporary) throw error; // refused; below 100 are the SDK's own: no answer
      await new Promise((done) => setTimeout(done, 500));
    }
  }
}
console.log('acknowledged', (await send('rooms.post_message', message)).message.id);
await new Promise((done) => setTimeout(done, 1_000));
hub.disconnect();
