import { createHash } from 'node:crypto';

/**
 * What was put to each host since its daemon started, so that it is not put again with every reconcile. Only a
 * memory: after a restart of the operator or of a daemon everything is put once more, which changes nothing there.
 */
export class Puts {
  readonly #digests = new Map<string, string>();

  /** @param what such as `appliance/<uuid>` or `layer/<template>/<sha256>` */
  wasPut(host: string, daemonStart: string, what: string, body: unknown): boolean {
    return this.#digests.get(`${host}/${what}`) === digestOf(daemonStart, body);
  }

  record(host: string, daemonStart: string, what: string, body: unknown): void {
    this.#digests.set(`${host}/${what}`, digestOf(daemonStart, body));
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
