import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { dump } from 'js-yaml';
import { expect } from 'vitest';
import { allQemu } from '../../src/hostd/drivers/qemu/processes.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { removeEmptyCgroup } from '../kubernetes/cgroups.ts';
import { Cluster } from '../kubernetes/cluster.ts';
import type { ClusterPrograms } from '../kubernetes/node-assets.ts';
import { kill } from '../kubernetes/processes.ts';
import { previousChart } from './previous.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const PATIENCE_MS = 180_000;

export const NAMESPACE = 'coppice-system';
const IMAGES = { operator: 'localhost/coppice', host: 'localhost/coppice-host' } as const;
/** The same images once more, under the tag that an upgrade brings. */
export const NEXT_TAG = '0.1.0-next';

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

/** A cluster with a node whose disk has the minimal guest, and both images: a place to install the charts. */
export class Site {
  readonly cluster: Cluster;
  /** Folders of the node. */
  readonly stateDir: string;
  readonly guest: string;

  private constructor(cluster: Cluster, guest: string) {
    this.cluster = cluster;
    this.stateDir = join(cluster.directory, 'state');
    this.guest = guest;
  }

  static async start(programs: Exclude<ClusterPrograms, { missing: string }>): Promise<Site> {
    const cluster = await Cluster.start(programs);
    try {
      const builder = join(repository, 'scripts/guest/build-minimal.sh');
      const { stdout } = await run(builder, ['--quiet', join(cluster.directory, 'guest')]);
      await loadImages(cluster);
      return new Site(cluster, stdout.trim());
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await removeEmptyCgroup('coppice-vms');
  }

  /** The chart's folder. */
  chart(name: string): string {
    return join(repository, 'charts', name);
  }

  /** The folder of the chart of the release before. */
  async previousChart(name: string): Promise<string> {
    return await previousChart(this.chart(name), name, this.cluster.directory);
  }

  /** Values for this node, and others. */
  async values(more: object = {}): Promise<string> {
    const hostDaemon = {
      enabled: true,
      stateDir: this.stateDir,
      fileRoots: [this.guest],
      cpu: '2',
      memory: '4Gi',
    };
    const file = join(this.cluster.directory, 'values.yaml');
    await mkdir(this.stateDir, { recursive: true });
    await writeFile(file, dump({ hostDaemon, ...more }));
    return file;
  }

  async helm(...args: readonly string[]): Promise<string> {
    return await this.cluster.helm(...args, '--namespace', NAMESPACE);
  }

  async get<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.cluster.kubectl('get', ...args, '--output=json')) as T;
  }

  /** The columns of a TemplateLabel, as the API server has them now. */
  async labelColumns(): Promise<readonly string[]> {
    const output = '--output=jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}';
    return (await this.cluster.kubectl('get', 'crd', 'templatelabels.coppice.dev', output)).split(' ');
  }

  async daemonArguments(): Promise<readonly string[]> {
    const daemonSet = await this.get<{
      spec: { template: { spec: { containers: { args: readonly string[] }[] } } };
    }>('daemonset/coppice-host', '-n', NAMESPACE);
    return daemonSet.spec.template.spec.containers.flatMap(({ args }) => args);
  }

  async pods(component: 'operator' | 'host'): Promise<readonly Pod[]> {
    const selector = `--selector=app.kubernetes.io/component=${component}`;
    const { items } = await this.get<{ items: Pod[] }>('pods', '-n', NAMESPACE, selector);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** What the pods of a component have logged, those before their last restart left out. */
  async logs(component: 'operator' | 'host'): Promise<string> {
    const selector = `--selector=app.kubernetes.io/component=${component}`;
    return await this.cluster.kubectl('logs', '-n', NAMESPACE, selector, '--tail=-1', '--prefix');
  }

  async untilReady(...objects: readonly string[]): Promise<void> {
    for (const object of objects) {
      await this.cluster.kubectl('wait', '--for=create', object, `--timeout=${PATIENCE_MS}ms`);
      await this.cluster.kubectl('wait', '--for=condition=Ready', object, `--timeout=${PATIENCE_MS}ms`);
    }
  }

  async untilRolledOut(...workloads: readonly string[]): Promise<void> {
    for (const workload of workloads) {
      await this.cluster.kubectl(
        'rollout',
        'status',
        '-n',
        NAMESPACE,
        workload,
        `--timeout=${PATIENCE_MS}ms`,
      );
    }
  }

  /** The process numbers of the node's VMs, in order. */
  async vms(): Promise<readonly number[]> {
    const found = (await allQemu()).filter(({ directory }) => directory.startsWith(this.stateDir));
    return found.map(({ pid }) => pid).sort((a, b) => a - b);
  }

  /** Ends the node's daemon as the kernel does when memory is short. */
  async killDaemon(): Promise<void> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    for (const pid of pids) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (line.includes('\0hostd\0') && line.includes(`--state-dir=${this.stateDir}\0`)) kill(pid);
    }
  }

  async urls(): Promise<readonly string[]> {
    const { items } = await this.get<{ items: { status: { accessPoints: string[] } }[] }>('va');
    return items.flatMap(({ status }) => status.accessPoints);
  }

  /** What a pod of this cluster gets from there; user networking is reached from the node's own network. */
  async fetchInCluster(url: string): Promise<string> {
    const script = `process.stdout.write(await (await fetch(${JSON.stringify(url)})).text())`;
    const spec = { hostNetwork: true };
    return await this.cluster.kubectl(
      ...['run', 'visitor', '--rm', '--stdin', '--quiet', '--restart=Never', '--pod-running-timeout=3m'],
      ...[`--image=${IMAGES.operator}:0.1.0`, `--overrides=${JSON.stringify({ spec })}`],
      ...['--command', '--', '/usr/local/bin/node', '--input-type=module', '--eval', script],
    );
  }

  async declareTemplate(): Promise<void> {
    const manifest = JSON.parse(await readFile(join(this.guest, 'manifest.json'), 'utf8')) as {
      readonly kernelArguments: string;
      readonly files: Readonly<Record<string, { readonly sha256: string }>>;
    };
    const file = (name: string) => ({
      url: pathToFileURL(join(this.guest, name)).href,
      sha256: manifest.files[name]?.sha256,
    });
    const boot = {
      kernel: file('vmlinux'),
      initrd: file('initrd.img'),
      commandLine: manifest.kernelArguments,
    };
    await this.apply({
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { name: 'minimal', namespace: NAMESPACE },
      spec: {
        series: 'minimal',
        version: '1',
        source: { image: file('disk.qcow2') },
        guest: { boot },
        container: { type: 'static-site', name: 'httpd', port: 80 },
        sharing: { scope: 'Cluster' },
      },
    });
  }

  async apply(object: object): Promise<void> {
    const file = join(this.cluster.directory, 'object.json');
    await writeFile(file, JSON.stringify(object));
    await this.cluster.kubectl('apply', '--filename', file);
  }

  /** All is as it should be, and the VMs are those: the same processes as before. */
  async expectUndisturbed(vms: readonly number[]): Promise<void> {
    await this.untilReady('host/node-a');
    await this.untilReady('sd/hello');
    expect(await this.vms()).toEqual(vms);
    for (const url of await this.urls()) await this.expectAnswer(url);
  }

  async expectAnswer(url: string): Promise<void> {
    const [enter = '', ...rest] = this.cluster.network.enter;
    const script = `process.stdout.write(await (await fetch(${JSON.stringify(url)})).text())`;
    const ask = [...rest, process.execPath, '--input-type=module', '--eval', script];
    await eventually(`${url} answers`, async () => {
      const { stdout } = await run(enter, ask);
      expect(stdout).toContain('Hello from a virtual machine');
    });
  }
}

async function loadImages(cluster: Cluster): Promise<void> {
  for (const [variant, name] of Object.entries(IMAGES)) {
    const file = join(cluster.directory, `${variant}.tar`);
    const flags = variant === 'host' ? ['--host'] : [];
    await run(process.execPath, [join(repository, 'scripts/image.ts'), ...flags, file]);
    await cluster.load(file);
    await cluster.ctr('images', 'tag', `${name}:0.1.0`, `${name}:${NEXT_TAG}`);
  }
}
