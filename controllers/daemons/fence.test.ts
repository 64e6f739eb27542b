import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallOptions } from '../../src/host/client.ts';
import type { DesiredAppliance, DesiredImport, DesiredLayer, ImportKey } from '../../src/host/protocol.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import type { Daemon } from './daemon.ts';
import { fenceDaemon } from './fence.ts';

const changes: readonly [string, (daemon: Daemon, options?: CallOptions) => Promise<unknown>][] = [
  ['putAppliance', (daemon, options) => daemon.putAppliance({} as DesiredAppliance, options)],
  ['deleteAppliance', (daemon, options) => daemon.deleteAppliance('uuid', options)],
  ['putImport', (daemon, options) => daemon.putImport('sha256', {} as DesiredImport, options)],
  ['deleteImport', (daemon, options) => daemon.deleteImport({} as ImportKey, options)],
  ['putLayer', (daemon, options) => daemon.putLayer('identity', {} as DesiredLayer, options)],
  ['deleteLayer', (daemon, options) => daemon.deleteLayer('identity', options)],
];

describe('a fenced daemon', () => {
  let isLeader: boolean;
  let lost: AbortController;
  let received: CallOptions[];
  let daemon: Daemon;
  beforeEach(() => {
    isLeader = true;
    lost = new AbortController();
    received = [];
    const note = vi.fn(async (...given: unknown[]) => void received.push(given.at(-1) as CallOptions));
    const noting = Object.fromEntries(changes.map(([name]) => [name, note]));
    daemon = fenceDaemon(noting as unknown as Daemon, { isLeader: () => isLeader, lost: lost.signal });
  });

  it.each(changes)('passes %s on while it leads, and not afterwards', async (_name, change) => {
    await change(daemon);
    isLeader = false;
    await expect(change(daemon)).rejects.toThrow(TransientError);
    expect(received).toHaveLength(1);
    expect(received[0]?.beforeSend).toThrow(TransientError);
  });

  it.each(changes)(
    'ends %s under way when leadership is lost, or when its caller ends it',
    async (_name, change) => {
      const caller = new AbortController();
      await change(daemon, { signal: caller.signal });
      await change(daemon);
      expect(received.map(({ signal }) => signal?.aborted)).toEqual([false, false]);
      caller.abort();
      expect(received.map(({ signal }) => signal?.aborted)).toEqual([true, false]);
      lost.abort();
      expect(received.map(({ signal }) => signal?.aborted)).toEqual([true, true]);
    },
  );
});
