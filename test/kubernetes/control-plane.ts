import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { ensurePki, type Pki } from '../../src/main/pki.ts';
import { isExecutable } from './assets.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { freePorts, startProcess, type TestProcess } from './processes.ts';
import type { TestServer } from './test-server.ts';

/** etcd, kube-apiserver and, where it is at hand, kube-controller-manager, on ports and in a folder of their own. */
export interface ControlPlane extends TestServer {
  readonly address: string;
  /** Whether there is a kube-controller-manager: envtest's users have none. */
  readonly hasControllers: boolean;
  /** The API server's audit log, one JSON a line, if it was asked for. */
  readonly auditLogPath: string;
}

export interface ControlPlaneOptions {
  /** Which controllers run, as kube-controller-manager's flag --controllers has it. */
  readonly controllers?: string;
  /** Keep an audit log. */
  readonly audit?: boolean;
  /** Admission plugins besides the usual ones. */
  readonly admissionPlugins?: readonly string[];
  /** Bearer tokens, as a file of --token-auth-file has them. */
  readonly tokens?: string;
  /** Where it runs; on this machine's loopback address if not said. */
  readonly place?: Place;
}

/** A network in which a control plane runs, and maybe nodes. */
export interface Place {
  /** Where the servers listen; this process must be able to reach it. */
  readonly address: string;
  /** What to put before a command so that it runs in that network. */
  readonly enter: readonly string[];
  readonly hasNodes: boolean;
}

const LOOPBACK: Place = { address: '127.0.0.1', enter: [], hasNodes: false };

type Identity = 'server' | 'admin' | 'controllers' | 'proxy';

interface Plan {
  readonly programs: string;
  readonly dir: string;
  readonly pki: Pki<Identity>;
  readonly ports: {
    readonly etcd: number;
    readonly peer: number;
    readonly api: number;
    readonly controllers: number;
  };
  readonly options: Required<ControlPlaneOptions>;
}

interface Running {
  etcd?: TestProcess;
  apiServer?: TestProcess;
  manager?: TestProcess;
}

/** Controllers that need nodes, which there are none of. */
const ALL_CONTROLLERS = '*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller';

/** Ports that were free may be taken by a suite beside this one before the program listens. */
const START_ATTEMPTS = 3;

/** Starts a control plane from the programs in the folder `programs`; it takes some 5 to 15 seconds. */
export async function startControlPlane(
  programs: string,
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const defaults = {
    controllers: ALL_CONTROLLERS,
    audit: false,
    admissionPlugins: [],
    tokens: '',
    place: LOOPBACK,
  };
  const all = { ...defaults, ...options };
  for (let attempt = 1; ; attempt += 1) {
    const plan = await makePlan(programs, all);
    try {
      return await startPlan(plan);
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startPlan(plan: Plan): Promise<ControlPlane> {
  const running: Running = {};
  const stop = async () => {
    // Its data goes, too: nobody waits for a graceful end.
    const programs = [running.manager, running.apiServer, running.etcd];
    await Promise.all(programs.map((program) => program?.kill()));
    await rm(plan.dir, { recursive: true, force: true });
  };
  const kill = async () => await running.apiServer?.kill();
  const start = async () => {
    running.apiServer = await startApiServer(plan);
  };
  try {
    running.etcd = await startEtcd(plan);
    await start();
    const manager = join(plan.programs, 'kube-controller-manager');
    const hasControllers = await isExecutable(manager);
    if (hasControllers) running.manager = await startControllerManager(plan);
    const loseHistory = async () => {
      await kill();
      await compact(etcdOf(plan));
      await start();
    };
    return {
      address: plan.options.place.address,
      kubeconfigPath: await kubeconfigFor(plan, 'admin'),
      hasControllers,
      auditLogPath: auditLogOf(plan),
      kill,
      start,
      loseHistory,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makePlan(programs: string, options: Plan['options']): Promise<Plan> {
  const dir = await mkdtemp(join(tmpdir(), 'coppice-kubernetes-'));
  const pki = await ensurePki<Identity>(join(dir, 'pki'), {
    caCommonName: 'test-ca',
    now: Date.now(),
    certificates: {
      server: {
        commonName: 'kube-apiserver',
        ips: ['127.0.0.1', '10.0.0.1', options.place.address],
        dnsNames: ['localhost', 'kubernetes.default.svc'],
        usage: 'server',
      },
      admin: { commonName: 'admin', organizations: ['system:masters'], usage: 'client' },
      controllers: { commonName: 'system:kube-controller-manager', usage: 'client' },
      proxy: { commonName: 'front-proxy', usage: 'client' },
    },
  });
  const [etcd = 0, peer = 0, api = 0, manager = 0] = await freePorts(4);
  return { programs, dir, pki, ports: { etcd, peer, api, controllers: manager }, options };
}

function etcdOf({ options, ports }: Plan): string {
  return `http://${options.place.address}:${ports.etcd}`;
}

function startIn(plan: Plan, name: string, args: readonly string[]): TestProcess {
  const [program = '', ...rest] = [...plan.options.place.enter, join(plan.programs, name), ...args];
  return startProcess(program, rest, join(plan.dir, `${name}.log`));
}

async function startEtcd(plan: Plan): Promise<TestProcess> {
  const { dir, options, ports } = plan;
  const clients = etcdOf(plan);
  const peers = `http://${options.place.address}:${ports.peer}`;
  const etcd = startIn(plan, 'etcd', [
    `--data-dir=${join(dir, 'etcd')}`,
    '--unsafe-no-fsync',
    `--initial-cluster=default=${peers}`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
  ]);
  await etcd.waitUntil(() => answers(`${clients}/health`, new Agent()));
  return etcd;
}

/** Has etcd forget all versions but the present ones. */
async function compact(etcd: string): Promise<void> {
  const post = async (path: string, body: object) => {
    const answer = await request(`${etcd}${path}`, { method: 'POST', body: JSON.stringify(body) });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`etcd refuses ${path}: ${text}`);
    return JSON.parse(text) as { header: { revision: string } };
  };
  const { header } = await post('/v3/kv/range', { key: Buffer.from('/').toString('base64') });
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}

async function startApiServer(plan: Plan): Promise<TestProcess> {
  const { dir, pki, ports, options } = plan;
  const { address } = options.place;
  const { server, admin, proxy } = pki.certificates;
  const apiServer = startIn(plan, 'kube-apiserver', [
    `--etcd-servers=${etcdOf(plan)}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${ports.api}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    `--cert-dir=${join(dir, 'apiserver')}`,
    `--tls-cert-file=${server.certPath}`,
    `--tls-private-key-file=${server.keyPath}`,
    `--client-ca-file=${pki.ca.certPath}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${server.certPath}`,
    `--service-account-signing-key-file=${server.keyPath}`,
    `--requestheader-client-ca-file=${pki.ca.certPath}`,
    '--requestheader-allowed-names=front-proxy',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${proxy.certPath}`,
    `--proxy-client-key-file=${proxy.keyPath}`,
    ...(options.audit ? await auditFlags(plan) : []),
    ...(options.tokens === '' ? [] : await tokenFlags(plan)),
    // As kubeadm does; without it no object with a privileged pod is taken.
    '--allow-privileged',
    ...options.admissionPlugins.map((plugin) => `--enable-admission-plugins=${plugin}`),
    ...nodeFlags(plan),
  ]);
  const agent = new Agent({ connect: { ca: pki.ca.cert, cert: admin.cert, key: admin.key } });
  try {
    await apiServer.waitUntil(() => answers(`${urlOf(plan)}/readyz`, agent));
    return apiServer;
  } finally {
    await agent.close();
  }
}

function urlOf({ options, ports }: Plan): string {
  return `https://${options.place.address}:${ports.api}`;
}

/** What an API server with nodes needs besides; without them nobody shall be sent to its loopback address. */
function nodeFlags({ options, pki }: Plan): string[] {
  if (!options.place.hasNodes) return ['--endpoint-reconciler-type=none'];
  const { certPath, keyPath } = pki.certificates.admin;
  return [
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${certPath}`,
    `--kubelet-client-key=${keyPath}`,
  ];
}

function auditLogOf({ dir }: Plan): string {
  return join(dir, 'audit.log');
}

/** Who, which verb, which resource, with what outcome: of every request. */
async function auditFlags(plan: Plan): Promise<string[]> {
  const policy = join(plan.dir, 'audit-policy.yaml');
  // JSON is YAML.
  const rules = [{ level: 'Metadata', omitStages: ['RequestReceived'] }];
  await writeFile(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${auditLogOf(plan)}`];
}

async function tokenFlags({ dir, options }: Plan): Promise<string[]> {
  const path = join(dir, 'tokens.csv');
  await writeFile(path, options.tokens, { mode: 0o600 });
  return [`--token-auth-file=${path}`];
}

/** Garbage collection, namespace deletion, service-account tokens: envtest goes without, we do where we can. */
async function startControllerManager(plan: Plan): Promise<TestProcess> {
  const kubeconfig = await kubeconfigFor(plan, 'controllers');
  const { address } = plan.options.place;
  const manager = startIn(plan, 'kube-controller-manager', [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${address}`,
    `--secure-port=${plan.ports.controllers}`,
    `--cert-dir=${join(plan.dir, 'controllers')}`,
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${plan.pki.certificates.server.keyPath}`,
    `--root-ca-file=${plan.pki.ca.certPath}`,
    `--controllers=${plan.options.controllers}`,
  ]);
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    await manager.waitUntil(() => answers(`https://${address}:${plan.ports.controllers}/healthz`, agent));
    return manager;
  } finally {
    await agent.close();
  }
}

async function answers(url: string, dispatcher: Agent): Promise<boolean> {
  try {
    const answer = await request(url, { dispatcher, headersTimeout: 5000, bodyTimeout: 5000 });
    await answer.body.dump();
    return answer.statusCode === 200;
  } catch {
    // Not up yet: whoever waits asks again, and gives up in time.
    return false;
  }
}

async function kubeconfigFor(plan: Plan, identity: 'admin' | 'controllers'): Promise<string> {
  const { dir, pki } = plan;
  const path = join(dir, `${identity}.kubeconfig`);
  await writeKubeconfig(path, urlOf(plan), pki.ca, pki.certificates[identity]);
  return path;
}
