import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredAppliance } from '../../../host/protocol.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance } from '../testing/runner-bed.ts';
import { macOf } from './mac.ts';
import { seedPathOf, seedStep } from './seed.ts';

const never = new AbortController().signal;
const SHA = 'c'.repeat(64);
const told = {
  sshAuthorizedKeys: ['ssh-ed25519 AAAA me'],
  userData: '#!/bin/sh\n',
  agentPackages: [{ url: 'https://host/pool/agent.deb?signature=x', sha256: SHA }],
};

describe('the step Seed', () => {
  let folder: string;
  let desired: DesiredAppliance;
  let vm: { state: string } | undefined;
  /** What was packed: of each file its name and content. */
  let packed: Record<string, string>;
  let fetched: string[];
  let failure: Error | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-seed-'));
    await mkdir(join(folder, 'appliance'));
    await writeFile(join(folder, SHA), 'a package');
    desired = { ...desiredAppliance(), cloudInit: told };
    [vm, packed, fetched, failure] = [undefined, {}, [], undefined];
  });
  afterEach(() => rm(folder, { recursive: true }));

  const createSeed = async (source: string, target: string) => {
    for (const name of await readdir(source, { recursive: true })) {
      const path = join(source, name);
      if ((await stat(path)).isFile()) packed[name] = await readFile(path, 'utf8');
    }
    await writeFile(target, 'half');
    if (failure !== undefined) throw failure;
    await writeFile(target, 'a volume');
  };
  const scopeNow = () =>
    ({
      host: {
        driver: { inspect: async () => vm, images: { createSeed } },
        packages: {
          path: (sha256: string) => join(folder, sha256),
          fetch: async (url: string) => void fetched.push(url),
        },
        reserveBytes: 0,
      },
      desired,
      directory: { path: join(folder, 'appliance') },
    }) as unknown as Scope;
  const step = () => seedStep(scopeNow(), desired.cloudInit ?? told);
  const left = () => readdir(join(folder, 'appliance'));

  it('makes one private volume of what cloud-init reads and the agent’s packages, once', async () => {
    expect(await step().isDone(never)).toBe(false);
    await step().run(never);
    expect(fetched).toEqual([told.agentPackages[0]?.url]);
    expect(Object.keys(packed).sort()).toEqual([
      'coppice/0-agent.deb',
      'meta-data',
      'network-config',
      'user-data',
      'vendor-data',
    ]);
    expect(packed).toMatchObject({ 'coppice/0-agent.deb': 'a package', 'user-data': told.userData });
    expect(packed['network-config']).toContain(macOf(desired.uuid));
    expect(packed['meta-data']).toContain(`"instance-id": "${desired.uuid}"`);
    const path = seedPathOf(scopeNow(), told);
    expect(await left()).toEqual([path.slice(path.lastIndexOf('/') + 1)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await step().isDone(never)).toBe(true);
  });

  it('begins again after it failed or was killed, and leaves nothing half made', async () => {
    failure = new Error('killed');
    await expect(step().run(never)).rejects.toThrow('killed');
    expect(await left()).toHaveLength(2);
    expect(await step().isDone(never)).toBe(false);
    failure = undefined;
    await step().run(never);
    expect(await left()).toEqual([expect.stringMatching(/^seed-[0-9a-f]{16}\.iso$/)]);
  });

  it('makes another for another desired state, in place of the one before, but not under a VM that runs', async () => {
    await step().run(never);
    const [before] = await left();
    desired = { ...desired, cloudInit: { ...told, userData: '#!/bin/false\n' } };
    vm = { state: 'Running' };
    expect(await step().isDone(never)).toBe(true);
    vm = { state: 'Stopped' };
    expect(await step().isDone(never)).toBe(false);
    await step().run(never);
    const after = await left();
    expect(after).toHaveLength(1);
    expect(after[0]).not.toBe(before);
  });

  it('has the name of its content: network, keys, packages', () => {
    const path = () => seedPathOf(scopeNow(), desired.cloudInit ?? told);
    const first = path();
    expect(path()).toBe(first);
    const service = { ...desired.service, parameters: { hostname: 'other' } };
    const address = { address: '10.0.8.4', prefixLength: 24, dns: [] };
    const changes: Partial<DesiredAppliance>[] = [
      { service },
      { network: { mode: 'bridge', ports: [], ...address } },
      { cloudInit: { ...told, sshAuthorizedKeys: [] } },
      { cloudInit: { ...told, agentPackages: [{ url: 'https://host/agent.deb', sha256: 'd'.repeat(64) }] } },
    ];
    const paths = changes.map((change) => {
      desired = { ...desiredAppliance(), cloudInit: told, ...change };
      return path();
    });
    expect(new Set([first, ...paths]).size).toBe(5);
    desired = { ...desiredAppliance(7), cloudInit: told };
    expect(path()).toBe(first);
  });
});
