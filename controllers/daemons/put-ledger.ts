import { createHash } from 'node:crypto';

/**
 * What was put to each host since its daemon started, so that it is not put again with every reconcile. Only a
 * memory: after a restart of the operator or of a daemon everything is put once more, which changes nothing there.
 */
export class Puts {
  readonly #digests = new Map<string, string>();
  /** What is on its way at this moment. */
  readonly #sending = new Map<string, Promise<void>>();

  /** @param what such as `appliance/<uuid>` or `layer/<template>/<sha256>` */
  wasPut(host: string, daemonStart: string, what: string, body: unknown): boolean {
    return this.#digests.get(`${host}/${what}`) === digestOf(daemonStart, body);
  }

  /** Sends it, or waits for whoever is sending the very same: many appliances of a host ask for one layer at once. */
  async put(
    host: string,
    daemonStart: string,
    what: string,
    body: unknown,
    send: () => Promise<unknown>,
  ): Promise<void> {
    const digest = digestOf(daemonStart, body);
    const key = `${host}/${what}`;
    const id = `${key}/${digest}`;
    const underWay = this.#sending.get(id);
    if (underWay !== undefined) return await underWay;
    const sending = send().then(() => {
      this.#digests.set(key, digest);
    });
    this.#sending.set(id, sending);
    try {
      await sending;
    } finally {
      this.#sending.delete(id);
    }
  }

  forget(host: string, what: string): void {
    this.#digests.delete(`${host}/${what}`);
  }
}

function digestOf(daemonStart: string, body: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([daemonStart, body]))
    .digest('base64');
}
