import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packLayer, writeArchive } from '../../scripts/image/archive.ts';
import { copyProgram } from '../../scripts/image/files.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { makeCgroup, removeCgroup } from './cgroups.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { startNetwork, type TestNetwork } from './network.ts';
import type { ClusterPrograms } from './node-assets.ts';
import { type NodeFiles, PODS, writeNodeFiles } from './node-config.ts';
import { startProcess, type TestProcess } from './processes.ts';

const run = promisify(execFile);

const NODE = 'node-a';
/** A pod's sandbox does nothing. */
const PAUSE = { name: 'localhost/pause:1', user: '65535:65535', entrypoint: ['/bin/sleep', '2147483647'] };
const READY_MS = 120_000;

/** Kubernetes with one node, all of it in a network namespace of its own. */
export class Cluster {
  readonly network: TestNetwork;
  readonly controlPlane: ControlPlane;
  /** For what tests put on the node's disk. */
  readonly directory: string;
  readonly #programs: Exclude<ClusterPrograms, { missing: string }>;
  readonly #cgroup: string;
  readonly #files: NodeFiles;
  readonly #running: TestProcess[] = [];
  #kubelet: TestProcess | undefined;

  private constructor(
    programs: Exclude<ClusterPrograms, { missing: string }>,
    parts: { network: TestNetwork; controlPlane: ControlPlane; directory: string; files: NodeFiles },
  ) {
    this.#programs = programs;
    this.network = parts.network;
    this.controlPlane = parts.controlPlane;
    this.directory = parts.directory;
    this.#files = parts.files;
    this.#cgroup = parts.network.name;
  }

  /** Some ten seconds to a node that is ready. */
  static async start(programs: Exclude<ClusterPrograms, { missing: string }>): Promise<Cluster> {
    const cluster = await Cluster.#withoutNode(programs);
    try {
      await cluster.#startNode();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  static async #withoutNode(programs: Exclude<ClusterPrograms, { missing: string }>): Promise<Cluster> {
    const network = await startNetwork();
    const { address, enter } = network;
    let controlPlane: ControlPlane | undefined;
    try {
      const place = { address, enter, hasNodes: true };
      controlPlane = await startControlPlane(programs.kubernetes, { place });
      const directory = await mkdtemp(join(tmpdir(), 'coppice-node-'));
      const clientCa = join(dirname(controlPlane.kubeconfigPath), 'pki/ca.crt');
      const files = await writeNodeFiles(directory, clientCa, `/${network.name}`);
      await makeCgroup(network.name);
      return new Cluster(programs, { network, controlPlane, directory, files });
    } catch (error) {
      await controlPlane?.stop();
      await network.stop();
      throw error;
    }
  }

  /** Ends everything and leaves nothing: pods, what they mounted, cgroups, the network. */
  async stop(): Promise<void> {
    // First, or it starts the pods again.
    await this.#kubelet?.stop();
    for (const process of this.#running.toReversed()) await process.stop();
    await this.controlPlane.stop();
    await this.network.stop();
    // Pods have networks of their own.
    await removeCgroup(this.#cgroup);
    await this.#unmount();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Makes an image known to the node, from a file as `docker save` writes it. */
  async load(archive: string): Promise<void> {
    await this.ctr('images', 'import', archive);
  }

  async ctr(...args: readonly string[]): Promise<string> {
    const socket = this.#files.socket;
    return await output(this.#programs.programs.ctr, ['--address', socket, '--namespace', 'k8s.io', ...args]);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return await output(join(this.#programs.kubernetes, 'kubectl'), [...this.#as(), ...args]);
  }

  async helm(...args: readonly string[]): Promise<string> {
    // Helm's own caches must not be the user's.
    const folders = ['CACHE', 'CONFIG', 'DATA'].map((kind) => [
      `HELM_${kind}_HOME`,
      join(this.directory, 'helm'),
    ]);
    return await output(this.#programs.programs.helm, [...this.#as(), ...args], Object.fromEntries(folders));
  }

  async restartKubelet(): Promise<void> {
    await this.#kubelet?.kill();
    await this.#startKubelet();
  }

  #as(): readonly string[] {
    return ['--kubeconfig', this.controlPlane.kubeconfigPath];
  }

  async #startNode(): Promise<void> {
    const { kubeconfigPath } = this.controlPlane;
    const containerd = this.#start(this.#programs.programs.containerd, ['--config', this.#files.containerd]);
    this.#running.push(containerd);
    await containerd.waitUntil(
      async () =>
        await this.ctr('version').then(
          () => true,
          () => false,
        ),
    );
    await this.#loadPause();
    await this.#startKubelet();
    const scheduler = [`--kubeconfig=${kubeconfigPath}`, '--leader-elect=false', '--bind-address=127.0.0.1'];
    this.#running.push(this.#start(join(this.#programs.kubernetes, 'kube-scheduler'), scheduler));
    // Time-outs and maxima that are 0 are left as they are: they may not be written everywhere.
    const conntrack = ['max-per-core', 'min', 'tcp-timeout-established', 'tcp-timeout-close-wait'];
    const proxy = [`--kubeconfig=${kubeconfigPath}`, '--proxy-mode=nftables', `--cluster-cidr=${PODS}`];
    const rest = [`--hostname-override=${NODE}`, ...conntrack.map((name) => `--conntrack-${name}=0`)];
    this.#running.push(this.#start(join(this.#programs.kubernetes, 'kube-proxy'), [...proxy, ...rest]));
    await this.kubectl('wait', '--for=create', `node/${NODE}`, '--timeout=60s');
    await this.kubectl('wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=60s');
  }

  async #startKubelet(): Promise<void> {
    const root = join(this.directory, 'kubelet');
    this.#kubelet = this.#start(join(this.#programs.kubernetes, 'kubelet'), [
      `--config=${this.#files.kubelet}`,
      `--kubeconfig=${this.controlPlane.kubeconfigPath}`,
      `--hostname-override=${NODE}`,
      `--node-ip=${this.network.address}`,
      `--root-dir=${root}`,
      `--cert-dir=${join(root, 'pki')}`,
    ]);
  }

  /** In the node's network, with containerd's shim in the PATH. */
  #start(program: string, args: readonly string[]): TestProcess {
    const shim = dirname(this.#programs.programs['containerd-shim-runc-v2']);
    const path = ['PATH=', [shim, process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter)].join('');
    const [enter = '', ...rest] = [...this.network.enter, 'env', path, program, ...args];
    return startProcess(enter, rest, join(this.directory, `${program.split('/').at(-1)}.log`));
  }

  async #loadPause(): Promise<void> {
    const work = await mkdtemp(join(this.directory, 'pause-'));
    const root = join(work, 'root');
    await copyProgram(this.#programs.busybox, root, join(root, 'bin/sleep'));
    const layer = await packLayer(root, join(work, 'layer.tar'));
    const archive = join(work, 'pause.tar');
    await writeArchive(work, [layer], PAUSE, archive);
    await this.load(archive);
  }

  /** What containers left mounted below the folder, the innermost first. */
  async #unmount(): Promise<void> {
    await eventually(
      'nothing is mounted any more',
      async () => {
        const table = await readFile('/proc/self/mounts', 'utf8');
        const mounts = table.split('\n').map((line) => line.split(' ')[1] ?? '');
        const ours = mounts
          .filter((path) => path.startsWith(`${this.directory}/`))
          .sort()
          .toReversed();
        for (const path of ours) await run('umount', ['--lazy', path]);
        if (ours.length > 0) throw new Error(`mounted: ${ours.join(', ')}`);
      },
      READY_MS,
    );
  }
}

/** What a program prints; rejects with what it says on its standard error. */
async function output(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout } = await run(program, args, { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`, { cause: error });
  }
}
