import { connect } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { orLate } from '../../../base/deadline.ts';
import { sendAlone } from '../../../base/http.ts';
import type { HostNetwork } from '../../network/links.ts';
import type { Prober } from '../driver.ts';

/** QEMU's user networking accepts before it asks the guest; if the guest refuses, it closes the connection within this time. */
const settleMs = 300;

/** Probes over the host's own network. */
export function createProber(clock: Clock, network: HostNetwork): Prober {
  return {
    route: (address) => network.route(address),
    http: (url, timeoutMs) => askHttp(url, timeoutMs),
    tcp: (address, port, timeoutMs) => askTcp(clock, address, port, timeoutMs),
  };
}

/** Uses a new connection each time, as a new client would. Certificates are not verified: only the answer counts. */
async function askHttp(url: string, timeoutMs: number): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs);
  const connection = { connect: { rejectUnauthorized: false }, pipelining: 0 };
  const { statusCode, body } = await sendAlone(url, { signal }, connection);
  body.on('error', () => body.destroy());
  body.destroy();
  return statusCode;
}

async function askTcp(clock: Clock, address: string, port: number, timeoutMs: number): Promise<void> {
  const socket = connect({ host: address, port });
  const refused = new Promise<never>((_resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${address}:${port} closed the connection at once`)));
  });
  const connected = new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  // Data from a service that speaks first is an answer.
  const spoken = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  try {
    if ((await orLate(clock, Promise.race([connected, refused]), timeoutMs)) === 'late') {
      throw new Error(`${address}:${port} did not answer within ${timeoutMs} ms`);
    }
    await orLate(clock, Promise.race([spoken, refused]), Math.min(settleMs, timeoutMs));
  } finally {
    refused.catch(() => undefined);
    socket.destroy();
  }
}
