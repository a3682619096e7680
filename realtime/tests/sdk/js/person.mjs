// Somebody with an app: a client of the official SDK that remembers everything it is told.
import { Centrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import WebSocket from 'ws';

const text = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** The two encodings of the SDK; in Protobuf an app encodes payloads itself, and ours are JSON. */
export const encodings = [
  { name: 'JSON', Client: Centrifuge, encode: (data) => data, decode: (data) => data },
  {
    name: 'Protobuf',
    Client: ProtobufCentrifuge,
    encode: (data) => text.encoder.encode(JSON.stringify(data)),
    decode: (bytes) => (bytes?.length ? JSON.parse(text.decoder.decode(bytes)) : undefined),
  },
];

const clientEvents = [
  'connecting', 'connected', 'disconnected', 'error', 'subscribing', 'subscribed', 'unsubscribed', 'publication',
];
const subscriptionEvents = ['subscribing', 'subscribed', 'unsubscribed', 'publication', 'join', 'leave', 'error'];

/** What was heard, in order, and a way to wait for more of it. */
class Hearing {
  heard = [];
  #waiting = new Set();

  constructor(source, events, decode) {
    for (const event of events) {
      source.on(event, (context) => {
        this.heard.push('data' in context ? { event, ...context, data: decode(context.data) } : { event, ...context });
        for (const look of this.#waiting) look();
      });
    }
  }

  /** Everything of one kind, in the order heard. */
  all(event, matches = () => true) {
    return this.heard.filter((one) => one.event === event && matches(one));
  }

  /** The first `count` of a kind, once they are there. */
  async some(count, event, matches, patience = 8_000) {
    const found = () => this.all(event, matches);
    if (found().length < count) {
      await new Promise((resolve, reject) => {
        const look = () => found().length >= count && end(resolve);
        const clock = setTimeout(() => {
          const told = JSON.stringify(this.heard, (key, value) => (value instanceof Error ? value.message : value));
          end(() => reject(new Error(`${count} × ${event} did not come within ${patience} ms; heard: ${told}`)));
        }, patience);
        const end = (then) => {
          clearTimeout(clock);
          this.#waiting.delete(look);
          then();
        };
        this.#waiting.add(look);
      });
    }
    return found().slice(0, count);
  }

  /** The first of a kind, once it is there. */
  async one(event, matches, patience) {
    return (await this.some(1, event, matches, patience))[0];
  }
}

export class Person extends Hearing {
  /** A client at `endpoint` (an address, or the SDK's list of them) that ends with the test `t`. */
  constructor(t, encoding, endpoint, { headers, ...options }) {
    class Socket extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { headers });
      }
    }
    const client = new encoding.Client(endpoint, {
      websocket: headers ? Socket : WebSocket,
      minReconnectDelay: 50,
      maxReconnectDelay: 400,
      ...options,
    });
    super(client, clientEvents, encoding.decode);
    this.client = client;
    this.encoding = encoding;
    t.after(() => client.disconnect());
  }

  /** Connects and waits for it. */
  static async connected(t, encoding, endpoint, options) {
    const person = new Person(t, encoding, endpoint, options);
    person.client.connect();
    await person.one('connected');
    return person;
  }

  async rpc(method, data) {
    return this.encoding.decode((await this.client.rpc(method, this.encoding.encode(data))).data);
  }

  /** Begins to listen to a channel; does not wait. */
  listen(channel, options) {
    const subscription = this.client.newSubscription(channel, options);
    const hearing = new Hearing(subscription, subscriptionEvents, this.encoding.decode);
    hearing.subscription = subscription;
    subscription.subscribe();
    return hearing;
  }

  /** Listens to a channel, once the hub has said yes. */
  async listening(channel, options) {
    const hearing = this.listen(channel, options);
    await hearing.one('subscribed');
    return hearing;
  }
}
