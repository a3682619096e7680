// The `majlis up` under test: where it is, who can sign in, and the tool that mints tokens.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
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

/** `kill -9` of a hub, by the id that up.json names; refused where that is no process of the program under test. */
export async function killHub(pid) {
  const [program] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  if (basename(program) !== basename(majlis)) throw new Error(`process ${pid} is ${program}, not a hub`);
  process.kill(pid, 'SIGKILL');
}
