import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../base/testing/fake-clock.ts';
import { runToEnd } from '../../../base/testing/run-to-end.ts';
import type { Guest } from '../../guest/guest.ts';
import { SET_NETWORK } from '../../guest/network.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance, PACE, UUID } from '../testing/runner-bed.ts';
import { macOf } from './mac.ts';
import { networkStep } from './network.ts';

const never = new AbortController().signal;
const ADDRESS = '10.0.8.4';
const GATEWAY = '10.0.8.1';
const cloudInit = { sshAuthorizedKeys: [], agentPackages: [] };

/**
 * A guest that sets its address by itself after so many questions, or when it is set by the script. Its resolver is one of its own, as
 * systemd-resolved's.
 */
function bed(questionsUntilSet: number) {
  let questions = 0;
  let sets = 0;
  let file = '';
  const isSet = () => sets > 0 || questions > questionsUntilSet;
  const guest = {
    exec: async (argv: readonly string[]) => {
      const stdout = (text: string) => ({ exitCode: 0, stdout: text, stderr: '' });
      if (argv[3] === 'coppice-read-installed') return stdout(`boot ${UUID}\n${file}`);
      if (argv[3] === SET_NETWORK) {
        sets += 1;
        return stdout('');
      }
      questions += 1;
      const route = isSet() ? `route default via ${GATEWAY} dev eth0\n` : '';
      return stdout(`device eth0\n${route}dns ${sets > 0 ? '10.0.8.2' : '127.0.0.53'}\n`);
    },
    interfaces: async () => [
      {
        name: 'eth0',
        mac: macOf(UUID),
        addresses: isSet() ? [{ address: ADDRESS, prefixLength: 24 }] : [],
      },
    ],
    writeFile: async (_: string, content: AsyncIterable<Uint8Array>) => {
      for await (const bytes of content) file = Buffer.from(bytes).toString();
    },
  } as unknown as Guest;
  const clock = createFakeClock();
  const host = { clock, driver: { inspect: async () => ({ state: 'Running' }) }, pace: PACE };
  const network = { address: ADDRESS, prefixLength: 24, gateway: GATEWAY, dns: ['10.0.8.2'] };
  const pass = async (change: object) => {
    const desired = {
      ...desiredAppliance(),
      ...change,
      network: { mode: 'bridge', ports: [], ...network },
    };
    const step = networkStep({ host, directory: { path: '/' }, desired, guest } as unknown as Scope);
    const wasDone = await step.isDone(never);
    if (!wasDone) await runToEnd(clock, step.run(never));
    return wasDone;
  };
  return { clock, pass, sets: () => sets };
}

describe('the network of a guest with an address of its own', () => {
  it('is left to a guest with cloud-init, however long its boot takes', async () => {
    const guest = bed(20);
    expect(await guest.pass({ cloudInit })).toBe(false);
    expect(guest.sets()).toBe(0);
    expect(await guest.pass({ cloudInit })).toBe(true);
  });

  it('is set in one that does not come to it', async () => {
    const guest = bed(Number.POSITIVE_INFINITY);
    await guest.pass({ cloudInit });
    expect(guest.sets()).toBe(1);
    expect(guest.clock.monotonic()).toBeGreaterThanOrEqual(60_000);
  });

  it('is set at once in a guest without', async () => {
    const guest = bed(0);
    await guest.pass({});
    expect(guest.sets()).toBe(1);
  });
});
