// A TCP proxy in front of the hubs whose connections can be cut without a close frame, as a lost network does.
import { connect, createServer } from 'node:net';

export class Proxy {
  #upstreams;
  #open = true;
  #pairs = new Set();
  #server = createServer((client) => this.#accept(client));
  url;
  accepted = 0;

  /** Forwards to the first of `urls` that accepts; stops with the test `t`. */
  static async before(t, ...urls) {
    const proxy = new Proxy();
    proxy.#upstreams = urls.map((url) => new URL(url));
    await new Promise((done) => proxy.#server.listen(0, '127.0.0.1', done));
    proxy.url = `ws://127.0.0.1:${proxy.#server.address().port}${proxy.#upstreams[0].pathname}`;
    t.after(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  #accept(client) {
    client.on('error', () => {});
    if (!this.#open) {
      client.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    this.#forward(client, 0);
  }

  #forward(client, index) {
    const target = this.#upstreams[index];
    if (!target) {
      client.destroy();
      return;
    }
    const hub = connect(Number(target.port), target.hostname);
    const refused = () => this.#forward(client, index + 1);
    hub.once('error', refused);
    hub.once('connect', () => {
      hub.off('error', refused);
      hub.on('error', () => {});
      const pair = [client, hub];
      this.#pairs.add(pair);
      for (const [from, to] of [[client, hub], [hub, client]]) {
        from.pipe(to);
        from.once('close', () => {
          this.#pairs.delete(pair);
          to.destroy();
        });
      }
    });
  }

  /** Resets every connection, and every new one until `restore`. */
  cut() {
    this.#open = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  /** Sends nobody to the first hub any more, as a balancer does that sees it dead. */
  leaveOutFirst() {
    this.#upstreams.shift();
  }

  restore() {
    this.#open = true;
  }
}
