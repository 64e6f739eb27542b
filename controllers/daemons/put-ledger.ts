import { createHash } from 'node:crypto';

/**
 * Remembers what was PUT to each host since its daemon started, so that not every reconcile sends it again. Losing it does no
 * harm: after a restart of the operator or of a daemon everything is sent once more, which changes nothing there.
 */
export class PutLedger {
  readonly #digests = new Map<string, string>();
  /** The requests under way. */
  readonly #sending = new Map<string, Promise<void>>();

  /** @param what such as `appliance/<uuid>` or `layer/<template>/<sha256>` */
  wasPut(host: string, daemonStart: string, what: string, body: unknown): boolean {
    return this.#digests.get(`${host}/${what}`) === digestOf(daemonStart, body);
  }

  /** Sends it, or waits for the same request if that is under way: many appliances of a host need one layer at once. */
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
