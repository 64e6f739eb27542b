import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostClient } from '../../../src/host/client.ts';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../../src/host/protocol.ts';
import { createCa, issueCertificate } from '../../../src/main/certificates.ts';
import { freePorts, startProcess } from '../../kubernetes/processes.ts';
import { addToyBuilder } from './toy-builder.ts';
import { addToyDriver } from './toy-driver.ts';
import { addToyKind } from './toy-kind.ts';
import { placesIn, Recipe, Workshop } from './workshop.ts';

const CLI = 'src/cli/main.ts';

/** The recipes of docs/architecture.md, followed one after the other in one copy of the repository. */
describe('by the recipes of docs/architecture.md, and from the places that they name alone', () => {
  let workshop: Workshop;
  let recipes: Readonly<Record<'driver' | 'builder' | 'kind', Recipe>>;

  beforeAll(async () => {
    workshop = await Workshop.open();
    recipes = {
      driver: await Recipe.read(workshop, 'A driver'),
      builder: await Recipe.read(workshop, 'A builder'),
      kind: await Recipe.read(workshop, 'A kind'),
    };
    await addToyDriver(recipes.driver);
    await addToyBuilder(recipes.builder, workshop);
    await addToyKind(recipes.kind, workshop);
    await workshop.generate();
    await workshop.compile();
  });
  afterAll(() => workshop.close());

  it('a driver is added in less than five places', () => {
    expect(recipes.driver.places.length).toBeLessThan(5);
  });

  it('each place that a recipe names is needed', () => {
    for (const { unused } of Object.values(recipes)) expect(unused).toEqual([]);
  });

  it('a driver can be chosen, and a daemon runs with it', async () => {
    for (const command of ['hostd', 'up'])
      expect(await workshop.node([CLI, command, '--help'])).toContain('toy (VMs that never start)');
    const values = await readFile(join(workshop.root, 'charts/coppice/values.schema.json'), 'utf8');
    expect(values).toContain('"enum": ["toy", "qemu", "simulated"]');
    expect(await readFile(join(workshop.root, 'docs/helm-values.md'), 'utf8')).toContain(
      'One of `toy`, `qemu`',
    );
    expect(await readFile(join(workshop.root, 'crds/hosts.yaml'), 'utf8')).toContain(
      "'toy, qemu, xen or simulated.'",
    );
    expect((await hostOf(workshop.root, 'toy')).driver).toMatchObject({ name: 'toy', version: '7' });
  });

  it('a builder makes the plan for its type of container, from the facts about a package', async () => {
    const plan = JSON.parse(await workshop.node(['probes/builder.ts'])) as object;
    expect(plan).toMatchObject({ name: 'shop', actions: [{ argv: ['echo', '2'] }], accessPath: '/' });
  });

  it('a kind has a type, is served, and is reconciled by its controller', async () => {
    const toy = JSON.parse(await workshop.node(['probes/kind.ts'])) as object;
    expect(toy).toEqual({ spec: { size: 21 }, status: { doubled: 42 } });
    const rbac = await readFile(join(workshop.root, 'charts/coppice/templates/operator-rbac.yaml'), 'utf8');
    expect(rbac).toContain('resources: ["toys/status"]');
    const users = await readFile(join(workshop.root, 'charts/coppice/templates/user-roles.yaml'), 'utf8');
    expect(users.match(/"toys"/g)).toHaveLength(2);
  });

  it('a place that the page does not name is refused', async () => {
    await expect(recipes.builder.add('src/domain/other.ts', '')).rejects.toThrow('does not name');
    await expect(recipes.builder.insert('src/api/drivers.ts', /^/, '')).rejects.toThrow('does not name');
  });
});

it('a recipe is what stands below its title, and nothing else', () => {
  const page =
    '### A\n\n1. `a/<name>.ts`: new\n2. `b/`: `c` too\n\n`d`: not numbered\n\n### B\n\n1. `e`: other\n\n## C\n';
  expect(placesIn(page, 'A')).toEqual(['a/<name>.ts', 'b/']);
  expect(placesIn(page, 'B')).toEqual(['e']);
  expect(() => placesIn(page, 'D')).toThrow('no recipe "D"');
});

/** Starts the copy's daemon with this driver, by its command line, and asks it what it is. */
async function hostOf(root: string, driver: string) {
  const folder = join(root, 'host');
  await mkdir(folder);
  const ca = await createCa({ commonName: 'test', days: 1, now: Date.now() });
  const issue = { days: 1, now: Date.now() } as const;
  const server = await issueCertificate(ca, {
    ...issue,
    commonName: 'host-a',
    dnsNames: [hostServerName('host-a')],
    usage: 'both',
  });
  const organizations = [OPERATOR_ORGANIZATION];
  const operator = await issueCertificate(ca, {
    ...issue,
    commonName: 'test',
    organizations,
    usage: 'client',
  });
  const files = { 'tls-cert': server.cert, 'tls-key': server.key, 'client-ca': ca.cert };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 });
  const [port = 0] = await freePorts(1);
  const tls = Object.keys(files).map((name) => `--${name}=${join(folder, name)}`);
  const flags = [
    '--name=host-a',
    `--listen=127.0.0.1:${port}`,
    `--driver=${driver}`,
    `--state-dir=${folder}/state`,
  ];
  const program = startProcess(
    process.execPath,
    [join(root, CLI), 'hostd', ...flags, ...tls],
    join(folder, 'log'),
  );
  const client = new HostClient({
    hostName: 'host-a',
    url: `https://127.0.0.1:${port}`,
    ca: ca.cert,
    cert: operator.cert,
    key: operator.key,
  });
  try {
    await program.waitUntil(() =>
      client.getHost().then(
        () => true,
        () => false,
      ),
    );
    return await client.getHost();
  } finally {
    await client.close();
    await program.stop();
  }
}
