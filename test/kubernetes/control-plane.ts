import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { ensurePki, type Pki } from '../../src/main/pki.ts';
import { isExecutable } from './assets.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { freePorts, startProcess, type TestProcess } from './processes.ts';

/** etcd, kube-apiserver and, where it is at hand, kube-controller-manager, on ports and in a folder of their own. */
export interface ControlPlane {
  readonly kubeconfigPath: string;
  stop(): Promise<void>;
}

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
}

/**
 * Starts a control plane from the programs in the folder `programs`; it takes some 5 to 15 seconds. Without
 * controllers nothing happens in it but what clients ask for.
 */
export async function startControlPlane(
  programs: string,
  options: { controllers: boolean } = { controllers: true },
): Promise<ControlPlane> {
  const plan = await makePlan(programs);
  const processes: TestProcess[] = [];
  const stop = async () => {
    for (const process of processes.toReversed()) {
      await process.stop();
    }
    await rm(plan.dir, { recursive: true, force: true });
  };
  try {
    await startEtcd(plan, processes);
    await startApiServer(plan, processes);
    if (options.controllers) await startControllerManager(plan, processes);
    return { kubeconfigPath: await kubeconfigFor(plan, 'admin'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makePlan(programs: string): Promise<Plan> {
  const dir = await mkdtemp(join(tmpdir(), 'coppice-kubernetes-'));
  const pki = await ensurePki<Identity>(join(dir, 'pki'), {
    caCommonName: 'test-ca',
    now: Date.now(),
    certificates: {
      server: {
        commonName: 'kube-apiserver',
        ips: ['127.0.0.1', '10.0.0.1'],
        dnsNames: ['localhost'],
        usage: 'server',
      },
      admin: { commonName: 'admin', organizations: ['system:masters'], usage: 'client' },
      controllers: { commonName: 'system:kube-controller-manager', usage: 'client' },
      proxy: { commonName: 'front-proxy', usage: 'client' },
    },
  });
  const [etcd = 0, peer = 0, api = 0, controllers = 0] = await freePorts(4);
  return { programs, dir, pki, ports: { etcd, peer, api, controllers } };
}

async function startEtcd({ programs, dir, ports }: Plan, processes: TestProcess[]): Promise<void> {
  const clients = `http://127.0.0.1:${ports.etcd}`;
  const peers = `http://127.0.0.1:${ports.peer}`;
  const etcd = startProcess(
    join(programs, 'etcd'),
    [
      `--data-dir=${join(dir, 'etcd')}`,
      '--unsafe-no-fsync',
      `--initial-cluster=default=${peers}`,
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
    ],
    join(dir, 'etcd.log'),
  );
  processes.push(etcd);
  await etcd.waitUntil(() => answers(`${clients}/health`, new Agent()));
}

async function startApiServer({ programs, dir, pki, ports }: Plan, processes: TestProcess[]): Promise<void> {
  const { server, admin, proxy } = pki.certificates;
  const apiServer = startProcess(
    join(programs, 'kube-apiserver'),
    [
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
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
    ],
    join(dir, 'kube-apiserver.log'),
  );
  processes.push(apiServer);
  const agent = new Agent({ connect: { ca: pki.ca.cert, cert: admin.cert, key: admin.key } });
  try {
    await apiServer.waitUntil(() => answers(`https://127.0.0.1:${ports.api}/readyz`, agent));
  } finally {
    await agent.close();
  }
}

/** Garbage collection, namespace deletion, service-account tokens: envtest goes without, we do where we can. */
async function startControllerManager(plan: Plan, processes: TestProcess[]): Promise<void> {
  const program = join(plan.programs, 'kube-controller-manager');
  if (!(await isExecutable(program))) {
    return;
  }
  const kubeconfig = await kubeconfigFor(plan, 'controllers');
  const manager = startProcess(
    program,
    [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${plan.ports.controllers}`,
      `--cert-dir=${join(plan.dir, 'controllers')}`,
      '--leader-elect=false',
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${plan.pki.certificates.server.keyPath}`,
      `--root-ca-file=${plan.pki.ca.certPath}`,
      '--controllers=*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller',
    ],
    join(plan.dir, 'kube-controller-manager.log'),
  );
  processes.push(manager);
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    await manager.waitUntil(() => answers(`https://127.0.0.1:${plan.ports.controllers}/healthz`, agent));
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

async function kubeconfigFor({ dir, pki, ports }: Plan, identity: 'admin' | 'controllers'): Promise<string> {
  const path = join(dir, `${identity}.kubeconfig`);
  await writeKubeconfig(path, `https://127.0.0.1:${ports.api}`, pki.ca, pki.certificates[identity]);
  return path;
}
