// Where the k6 scripts go, and as whom: API, HUB, EMAIL and PASSWORD (lists with commas), or the up.json of a `majlis up`.
import http from 'k6/http';

const list = (text) => (text || '').split(',').filter((item) => item);

function find() {
  if (__ENV.API) {
    const passwords = list(__ENV.PASSWORD);
    const accounts = list(__ENV.EMAIL).map((email, place) => ({ email, password: passwords[place] || passwords[0] }));
    return { api: __ENV.API.replace(/\/$/, ''), hubs: list(__ENV.HUB), accounts, rooms: [] };
  }
  const up = JSON.parse(open(__ENV.UP || '../../.majlis/up.json'));
  return { api: up.api, hubs: up.hubs, accounts: up.accounts, rooms: up.rooms };
}

export const target = find();

const json = { 'Content-Type': 'application/json' };
export const bearer = (token) => ({ headers: { ...json, Authorization: `Bearer ${token}` }, tags: { name: 'setup' } });

/** Signs in up to `most` accounts: [{ id, token }]. A token lasts 15 minutes. */
export function signIn({ api, accounts }, most) {
  return accounts.slice(0, most).map(({ email, password }) => {
    const body = JSON.stringify({ login: email, password, device_name: 'k6' });
    const answer = http.post(`${api}/api/v1/auth/login`, body, { headers: json, tags: { name: 'setup' } });
    if (answer.status !== 200) throw new Error(`${email} cannot sign in: HTTP ${answer.status} ${answer.body}`);
    const { user, access_token } = answer.json('data');
    return { id: user.id, token: access_token };
  });
}

/** Neighbours among the first `most` in the list who may write to each other: [{ conversation_id, tokens }]. */
export function conversations(where, most) {
  const people = signIn(where, most);
  const pairs = [];
  for (let place = 0; place + 1 < people.length; place += 2) {
    const [a, b] = people.slice(place, place + 2);
    const opened = [[a, b], [b, a]].map(([from, to]) =>
      http.post(`${where.api}/api/v1/conversations`, JSON.stringify({ user_id: to.id }), bearer(from.token)));
    if (opened.every((answer) => answer.status < 300)) {
      pairs.push({ conversation_id: opened[0].json('data.id'), tokens: [a.token, b.token] });
    }
  }
  if (pairs.length === 0) throw new Error('no two of the accounts may write to each other');
  return pairs;
}
