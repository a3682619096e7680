// The list pages for k6 (https://k6.io), in the mix in which an app asks for them; what has an ETag is asked for again with it.
//
//   cargo run -- up --no-limits          # in another terminal; it writes .majlis/up.json
//   k6 run loadtest/k6/rest.js
//   k6 run -e CLIENTS=50 -e SECONDS=30 loadtest/k6/rest.js          # as fast as 50 clients can
//   k6 run -e CLIENTS=50 -e RATE=400 loadtest/k6/rest.js            # 400 requests a second
//   k6 run -e API=http://127.0.0.1:7400 -e EMAIL=a@example.org -e PASSWORD=secret loadtest/k6/rest.js
//
// CLIENTS, RATE, SECONDS, ACCOUNTS (how many sign in); UP: another up.json (a path relative to this file, or absolute).
import http from 'k6/http';
import { check, fail } from 'k6';
import { Rate } from 'k6/metrics';
import exec from 'k6/execution';
import { bearer, signIn, target } from './target.js';

const { CLIENTS = 20, RATE = 0, SECONDS = 20, ACCOUNTS = 8 } = __ENV;

// Weight, path, and whether a guest asks.
const MIX = [
  [20, '/live-rooms', true],
  [10, '/live-rooms?filter[status]=active', true],
  [15, '/live-rooms/{room}/messages', false],
  [15, '/conversations', false],
  [15, '/conversations/{conversation}/messages', false],
  [5, '/gifts', true],
  [10, '/users', false],
  [5, '/me/gifts', false],
  [5, '/wallet/transactions', false],
];

const duration = `${SECONDS}s`;
const vus = Number(CLIENTS);
export const options = {
  setupTimeout: '120s',
  scenarios: {
    rest: Number(RATE) > 0
      ? { executor: 'constant-arrival-rate', rate: Number(RATE), timeUnit: '1s', duration, preAllocatedVUs: vus }
      : { executor: 'constant-vus', vus, duration },
  },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    'http_req_duration{scenario:rest}': ['p(99)<500'],
    // One line each in the summary.
    ...Object.fromEntries(MIX.map(([, path]) => [`http_req_duration{name:${path.replace(/[{}]/g, '')}}`, ['p(99)<500']])),
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

const revalidated = new Rate('revalidated');
const tags = {}; // of this client: account and path → ETag

/** Signs in, and finds a room and a conversation of each account. */
export function setup() {
  const first = (path, token) => http.get(`${target.api}/api/v1${path}`, bearer(token)).json('data.0.id');
  const people = signIn(target, Number(ACCOUNTS)).map(({ token }) => ({
    token,
    room: target.rooms.length > 0 ? target.rooms[0].id : first('/live-rooms?filter[status]=active', token),
    conversation: first('/conversations', token),
  }));
  if (people.length === 0) fail('no account: EMAIL and PASSWORD, or an up.json');
  return people;
}

const whole = MIX.reduce((sum, [weight]) => sum + weight, 0);
function choose() {
  let point = Math.random() * whole;
  return MIX.find(([weight]) => (point -= weight) < 0) || MIX[0];
}

export default function ask(people) {
  const person = people[exec.vu.idInTest % people.length];
  const [, path, guest] = choose();
  const place = path.replace('{room}', person.room).replace('{conversation}', person.conversation);
  if (place.includes('undefined')) return; // nobody to talk to
  const headers = guest ? {} : { Authorization: `Bearer ${person.token}` };
  if (tags[place]) headers['If-None-Match'] = tags[place];
  const answer = http.get(`${target.api}/api/v1${place}`, { headers, tags: { name: path.replace(/[{}]/g, '') } });
  if (tags[place]) revalidated.add(answer.status === 304);
  if (answer.headers.Etag) tags[place] = answer.headers.Etag;
  check(answer, {
    'is a list': ({ status }) => status === 304 || (status === 200 && Array.isArray(answer.json('data'))),
  });
}
