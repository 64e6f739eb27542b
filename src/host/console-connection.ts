import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { CONSOLE_PROTOCOL } from './protocol.ts';

export type Upgraded =
  | { readonly connection: Duplex }
  /** The daemon answered with a status instead. */
  | { readonly status: number; readonly body: string };

/** Upgrades an HTTP request to a two-way stream to the console. Rejects when there is no answer within `timeoutMs`. */
export function connectToConsole(
  url: URL,
  tls: { readonly ca: string; readonly cert: string; readonly key: string; readonly servername: string },
  timeoutMs: number,
): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const upgrade = request(url, {
      ...tls,
      agent: false,
      headers: { connection: 'Upgrade', upgrade: CONSOLE_PROTOCOL },
      timeout: timeoutMs,
    });
    upgrade.once('timeout', () => upgrade.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    upgrade.once('error', reject);
    upgrade.once('upgrade', (_answer, connection: Duplex & { setTimeout?: (ms: number) => void }, head) => {
      connection.setTimeout?.(0);
      if (head.length > 0) connection.unshift(head);
      resolve({ connection });
    });
    upgrade.once('response', (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    upgrade.end();
  });
}
