// The `majlis up` under test: where it is, who can sign in, and the tool that mints tokens.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const data = process.env.MAJLIS_SDK_DATA;
const majlis = process.env.MAJLIS_BIN;

/** What `majlis up` wrote for scripts, as it is now: process ids change when a hub is started again. */
export async function upFile() {
  return JSON.parse(await readFile(join(data, 'up.json'), 'utf8'));
}

export const up = await upFile();
/** Two ordinary people who may write to each other, and the first active room. */
export const [me, friend] = up.accounts;
export const room = up.rooms[0];

/** Who hosts that room. */
export const host = up.accounts.find(({ id }) => id === room.host_id);

const signedIn = new Map();

/** An access token by REST login; one login an account, for logins are limited. */
export function logIn(account) {
  if (!signedIn.has(account.id)) signedIn.set(account.id, askForToken(account));
  return signedIn.get(account.id);
}

async function askForToken({ email, password }) {
  const answer = await fetch(`${up.api}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ login: email, password }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`login answered ${answer.status}: ${JSON.stringify(body)}`);
  return body.data.access_token;
}

/** An access token that lives as many seconds as wanted. */
export async function mint(account, seconds = 900) {
  const args = ['token', String(account.id), '--seconds', String(seconds), '--data', data];
  const { stdout } = await run(majlis, args, { timeout: 20_000 });
  return stdout.trim();
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A session of its own by REST login, for tests that end it. */
export const newSession = (account) => askForToken(account);

/** Ends the session of a token by REST. */
export async function logOut(token) {
  const answer = await fetch(`${up.api}/api/v1/auth/logout`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`logout answered ${answer.status}`);
}

/** A signal to a hub, by the id that up.json names; refused where that is no process of the program under test. */
export async function signalHub(pid, signal) {
  const [program] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  if (basename(program) !== basename(majlis)) throw new Error(`process ${pid} is ${program}, not a hub`);
  process.kill(pid, signal);
}

/** The process ids, once a hub that was ended has been started again. */
export async function startedAgain(ended) {
  for (let round = 0; round < 200; round += 1) {
    const { hub_pids: pids } = await upFile();
    if (!pids.includes(ended)) return pids;
    await sleep(100);
  }
  throw new Error('up.json still names the hub that ended, after 20 s');
}

/** Redis forgets what a channel kept, as when it runs out of memory. */
export async function forgetChannel(channel) {
  const keys = ['meta', 'stream'].map((part) => `majlis:{${channel}}:${part}`);
  const { hostname, port } = new URL(up.redis_url);
  await new Promise((done, failed) => {
    const socket = connect(Number(port), hostname, () => socket.write(`DEL ${keys.join(' ')}\r\n`));
    socket.once('data', (answer) => {
      socket.destroy();
      if (String(answer).startsWith(':')) done();
      else failed(new Error(`Redis answered ${answer}`));
    });
    socket.once('error', failed);
  });
}
