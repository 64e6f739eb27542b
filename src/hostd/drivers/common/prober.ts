import { connect } from 'node:net';
import { Agent, request } from 'undici';
import type { Clock } from '../../../base/clock.ts';
import { orLate } from '../../../base/deadline.ts';
import type { HostNetwork } from '../../network/links.ts';
import type { Prober } from '../driver.ts';

/** QEMU's user networking accepts first and asks the guest then: a refusal closes the connection after this at most. */
const settleMs = 300;

/** Probes over the host's own network. */
export function createProber(clock: Clock, network: HostNetwork): Prober {
  return {
    route: (address) => network.route(address),
    http: (url, timeoutMs) => askHttp(url, timeoutMs),
    tcp: (address, port, timeoutMs) => askTcp(clock, address, port, timeoutMs),
  };
}

/** Each time over a new connection, as a new client would; a certificate is not judged, only whether one answers. */
async function askHttp(url: string, timeoutMs: number): Promise<number> {
  const agent = new Agent({ connect: { rejectUnauthorized: false }, pipelining: 0 });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { statusCode, body } = await request(url, { dispatcher: agent, signal });
    body.on('error', () => body.destroy());
    body.destroy();
    return statusCode;
  } finally {
    await agent.destroy();
  }
}

async function askTcp(clock: Clock, address: string, port: number, timeoutMs: number): Promise<void> {
  const socket = connect({ host: address, port });
  const refused = new Promise<never>((_resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${address}:${port} closed the connection at once`)));
  });
  const connected = new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  // A service that speaks first has answered.
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
