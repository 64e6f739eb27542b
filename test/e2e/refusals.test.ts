import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findKubectl, Kubectl } from '../kubectl.ts';
import { Coppice } from './coppice.ts';
import { networkRefusals, type Scenario } from './network-refusals.ts';
import { aService, aTask, type Manifest, manifest, type WrittenService } from './tasks.ts';

const digest = 'a'.repeat(64);
const image = { url: 'https://example.com/disk.qcow2', sha256: digest };
const service = (change: WrittenService) => aTask('refused', change);
const template = (spec: object) => manifest('Template', 'refused', { source: { image }, ...spec });
const host = (spec: object) =>
  manifest('Host', 'refused', { address: 'https://127.0.0.1:1', unschedulable: true, ...spec });
const appliance = (spec: object) =>
  manifest('VirtualAppliance', 'refused', { template: { name: 'none' }, ...spec });
const label = (spec: object) => manifest('TemplateLabel', 'refused', { title: 't', owner: 'ann', ...spec });

const scenarios: readonly Scenario[] = [
  {
    rule: 'a task needs services',
    refused: manifest('ServiceDeployment', 'refused', {}),
    says: ['spec.services', 'Required value'],
  },
  {
    rule: 'two ways to name a template',
    refused: service({ template: { name: 'one', series: 'minimal' } }),
    says: ['spec.services[0].template', 'exactly one of name, series, selector and label must be given'],
  },
  {
    rule: 'a version policy without a series',
    refused: service({ template: { name: 'one', policy: 'Newest' } }),
    says: ['spec.services[0].template', 'a version policy can be given only with a series'],
  },
  {
    rule: 'a version and a version policy',
    refused: service({ template: { series: 'minimal', version: '1', policy: 'Newest' } }),
    says: ['spec.services[0].template', 'a version and a version policy exclude each other'],
  },
  {
    rule: 'a package from nowhere',
    refused: service({ package: {} }),
    says: ['spec.services[0].package', 'exactly one of url, configMap and inline must be given'],
  },
  {
    rule: 'a package from a URL without its digest',
    refused: service({ package: { url: 'https://example.com/shop.tar' } }),
    says: ['spec.services[0].package', 'url and sha256 go together'],
  },
  {
    rule: 'a digest in capitals',
    refused: service({ package: { url: 'https://example.com/shop.tar', sha256: 'A'.repeat(64) } }),
    says: ['spec.services[0].package.sha256', "should match '^[0-9a-f]{64}$'"],
  },
  {
    rule: 'a package file outside the folder',
    refused: service({ package: { inline: { files: { '../etc/passwd': 'x' } } } }),
    says: ['spec.services[0].package.inline.files', 'file names are relative paths'],
  },
  {
    rule: 'too little memory',
    refused: service({ resources: { memory: '16Mi' } }),
    says: ['spec.services[0].resources.memory', 'a VM needs at least 32Mi of memory'],
  },
  {
    rule: 'no CPU at all',
    refused: service({ resources: { cpu: '0m' } }),
    says: ['spec.services[0].resources.cpu', 'should match'],
  },
  {
    rule: 'a negative number of replicas',
    refused: service({ replicas: -1 }),
    says: ['spec.services[0].replicas', 'should be greater than or equal to 0'],
  },
  {
    rule: 'one service twice',
    refused: manifest('ServiceDeployment', 'refused', { services: [aService(), aService()] }),
    says: ['spec.services[1]', 'Duplicate value'],
  },
  {
    rule: 'a variable that no shell could name',
    refused: service({ parameters: { env: { '1ST': 'x' } } }),
    says: ['spec.services[0].parameters.env', 'names of environment variables'],
  },
  {
    rule: 'two probes',
    refused: service({ parameters: { probe: { http: { path: '/' }, tcp: { port: 80 } } } }),
    says: ['spec.services[0].parameters.probe', 'exactly one of http, tcp and exec must be given'],
  },
  {
    rule: 'a port that only the system may give',
    refused: service({ network: { ports: [{ name: 'web', port: 80, hostPort: 80 }] } }),
    says: ['spec.services[0].network.ports[0].hostPort', 'should be greater than or equal to 1024'],
  },
  {
    rule: 'a selector without the values it needs',
    refused: service({
      placement: { hostSelector: { matchExpressions: [{ key: 'disk', operator: 'In' }] } },
    }),
    says: ['hostSelector.matchExpressions[0]', 'In and NotIn need values'],
  },
  {
    rule: 'a name too long for a label',
    refused: aTask('a'.repeat(64)),
    says: ["a service deployment's name has at most 63 characters"],
  },
  {
    rule: 'two sources of a template',
    refused: template({ source: { image, parent: { name: 'one' } } }),
    says: ['spec.source', 'exactly one of image, upload, appliance, flattened and parent must be given'],
  },
  {
    rule: 'a build on nothing',
    refused: template({ source: { image, build: { steps: [{ run: 'true' }] } } }),
    says: ['spec.source', 'build needs a parent to build on'],
  },
  {
    rule: 'an image over a protocol that nobody speaks',
    refused: template({ source: { image: { url: 'ftp://example.com/disk', sha256: digest } } }),
    says: ['spec.source.image.url', 'should match'],
  },
  {
    rule: 'a series without a version',
    refused: template({ series: 'debian' }),
    says: ['spec', 'series and version go together'],
  },
  {
    rule: 'a document root for a container that has none',
    refused: template({ container: { type: 'command', documentRoot: '/srv' } }),
    says: ['spec.container', 'documentRoot is for containers of type static-site only'],
  },
  {
    rule: 'more copies at least than at most',
    refused: template({ distribution: { minCopies: 3, maxCopies: 2 } }),
    says: ['spec.distribution', 'minCopies must not be greater than maxCopies'],
  },
  {
    rule: 'shared with nobody in particular',
    refused: template({ sharing: { scope: 'Namespaces' } }),
    says: ['spec.sharing', 'namespaces must be listed for scope Namespaces'],
  },
  {
    rule: "a template's source is changed",
    before: template({}),
    refused: template({ source: { image: { ...image, sha256: 'b'.repeat(64) } } }),
    says: ['spec.source', 'source cannot be changed: make a new template'],
  },
  {
    rule: 'a PV guest under Xen that nothing boots',
    refused: template({ guest: { xen: { type: 'PV' } } }),
    says: ['spec.guest', 'a guest of type PV or PVH needs boot, which gives its kernel, or xen.bootLoader'],
  },
  {
    rule: 'an HVM guest under Xen with a boot loader beside its firmware',
    refused: template({ guest: { xen: { type: 'HVM', bootLoader: 'PvGrub' } } }),
    says: ['spec.guest.xen', 'an HVM guest boots with its own firmware'],
  },
  {
    rule: 'a kernel, and a boot loader under Xen that looks for one',
    refused: template({ guest: { boot: { kernel: image }, xen: { bootLoader: 'PyGrub' } } }),
    says: ['spec.guest', 'remove one of them'],
  },
  {
    rule: 'how a guest runs under Xen is changed',
    before: template({ guest: { xen: { type: 'HVM' } } }),
    refused: template({ guest: { xen: { bootLoader: 'PvGrub' } } }),
    says: ['spec.guest', 'xen cannot be changed: make a new template'],
  },
  {
    rule: 'a threshold above the whole host',
    refused: host({ thresholds: { cpu: 1.5 } }),
    says: ['spec.thresholds.cpu', 'should be less than or equal to 1'],
  },
  {
    rule: 'a threshold below half of the host',
    refused: host({ thresholds: { memory: 0.4 } }),
    says: ['spec.thresholds.memory', 'should be greater than or equal to 0.5'],
  },
  {
    rule: 'a daemon without TLS',
    refused: host({ address: 'http://127.0.0.1:1' }),
    says: ['spec.address', 'should match'],
  },
  {
    rule: 'an appliance is moved',
    before: appliance({ hostName: 'nowhere' }),
    refused: appliance({ hostName: 'elsewhere' }),
    says: ['spec.hostName', 'hostName is set once: an appliance stays on the host it was placed on'],
  },
  {
    rule: "an appliance's disk shrinks",
    before: appliance({ hostName: 'nowhere', disk: { size: '1Gi' } }),
    refused: appliance({ hostName: 'nowhere', disk: { size: '1000Mi' } }),
    says: ['spec.disk.size', 'a disk cannot shrink: ask for its present size or more'],
  },
  {
    rule: "a task's disk shrinks",
    before: aTask('nowhere', { disk: { size: '1Gi' }, placement: { hosts: ['nowhere'] } }),
    refused: aTask('nowhere', { disk: { size: '1000Mi' }, placement: { hosts: ['nowhere'] } }),
    says: ['disk.size', 'a disk cannot shrink: ask for its present size or more'],
  },
  {
    rule: "an appliance's second disk shrinks",
    before: appliance({ hostName: 'nowhere', disk: { data: { size: '2Gi' } } }),
    refused: appliance({ hostName: 'nowhere', disk: { data: { size: '1Gi' } } }),
    says: ['spec.disk.data.size', 'a disk cannot shrink: ask for its present size or more'],
  },
  {
    rule: "an appliance's second disk is taken away",
    before: appliance({ hostName: 'nowhere', disk: { data: { size: '2Gi' } } }),
    refused: appliance({ hostName: 'nowhere', disk: { size: '1Gi' } }),
    says: ['spec.disk.data', 'a data disk cannot be taken away: leave it, or make a new appliance'],
  },
  {
    rule: 'a second disk is too small',
    refused: appliance({ disk: { data: { size: 512 } } }),
    says: ['spec.disk.data.size', 'size must be whole bytes, from 1Mi to 1024Ti: write 20Gi'],
  },
  {
    rule: "a task's second disk shrinks",
    before: aTask('nowhere', { disk: { data: { size: '2Gi' } }, placement: { hosts: ['nowhere'] } }),
    refused: aTask('nowhere', { disk: { data: { size: '1Gi' } }, placement: { hosts: ['nowhere'] } }),
    says: [
      'disk.data.size',
      'a disk cannot shrink: ask for its present size or more, or give the service another name',
    ],
  },
  {
    rule: 'a template names the firmware of a guest that gives its kernel',
    refused: template({ guest: { firmware: 'uefi', boot: { kernel: image } } }),
    says: [
      'spec.guest.firmware',
      'boot gives the kernel, which no firmware looks for: remove firmware, or boot',
    ],
  },
  {
    rule: 'a template changes its firmware',
    before: template({ guest: { firmware: 'uefi' } }),
    refused: template({ guest: { firmware: 'bios' } }),
    says: ['spec.guest.firmware', 'firmware cannot be changed: make a new template'],
  },
  {
    rule: 'a template changes the bus of its disks',
    before: template({ guest: { diskBus: 'scsi' } }),
    refused: template({ guest: {} }),
    says: ['spec.guest.diskBus', 'diskBus cannot be changed: make a new template'],
  },
  ...networkRefusals,
  {
    rule: 'a label of whatever there is',
    refused: label({ selector: {} }),
    says: ['spec.selector', 'an empty selector would match every template'],
  },
  {
    rule: 'a followed label without its namespace',
    refused: manifest('TemplateFollow', 'refused', { user: 'ann', labels: ['lamp'] }),
    says: ['spec.labels[0]', 'should match'],
  },
  {
    rule: 'a field that there is not',
    refused: manifest('ServiceDeployment', 'refused', { services: [{ ...aService(), replicsa: 3 }] }),
    says: ['unknown field "spec.services[0].replicsa"'],
  },
];

const program = await findKubectl();

describe('what breaks a rule', () => {
  let coppice: Coppice | undefined;
  let kubectl: Kubectl;

  beforeAll(async () => {
    if (program === undefined) return;
    coppice = await Coppice.up('--driver', 'simulated', '--hosts', '1');
    kubectl = new Kubectl(program, coppice.layout.kubeconfig);
  });
  afterAll(() => coppice?.close());

  const skipWithoutKubectl = (skip: (condition: boolean, note: string) => void) =>
    skip(program === undefined, 'no kubectl: put one into the PATH, or set KUBEBUILDER_ASSETS');
  /** The spec, but for the number of replicas, which is filled in. */
  const services = async (kind: string, name: string) => {
    const { replicas: _, ...spec } = JSON.parse(
      await kubectl.ok(['get', kind, name, '-o', 'jsonpath={.spec}']),
    );
    return JSON.stringify(spec);
  };
  const apply = (object: Manifest) => kubectl.run(['apply', '-f', '-'], JSON.stringify(object));

  it.for(scenarios)('$rule: refused', async ({ before, refused, says }, { skip }) => {
    skipWithoutKubectl(skip);
    const { kind, metadata } = refused;
    if (before !== undefined) expect(await apply(before)).toMatchObject({ code: 0 });
    const stored = before === undefined ? undefined : await services(kind, metadata.name);
    const { code, stderr } = await apply(refused);
    expect(code).toBe(1);
    for (const words of says) expect(stderr).toContain(words);
    if (before === undefined) return;
    expect(await services(kind, metadata.name), 'as it was').toBe(stored);
    if (kind === 'VirtualAppliance')
      await kubectl.ok(['annotate', 'va', metadata.name, 'coppice.dev/force-delete=true']);
    await kubectl.ok(['delete', kind, metadata.name]);
  });

  it('is nowhere to be found afterwards', async ({ skip }) => {
    skipWithoutKubectl(skip);
    const kinds = [...new Set(scenarios.map(({ refused }) => refused.kind))];
    const names = new Set(scenarios.map(({ refused }) => refused.metadata.name));
    const listed = await kubectl.ok(['get', kinds.join(','), '--all-namespaces', '--output=name']);
    const found = listed.split('\n').map((line) => line.split('/').at(-1) ?? '');
    expect(found).toContain('host-a');
    expect(found.filter((name) => names.has(name))).toEqual([]);
  });
});
