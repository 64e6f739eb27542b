import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import type { Extension } from '../../src/apiserver/extension/pass-on.ts';
import { type ApiServer, startApiServer } from '../../src/apiserver/server.ts';
import { ensurePki, type Pki } from '../../src/main/pki.ts';
import { readTokenFile } from '../../src/main/token-file.ts';
import { coppiceProgram } from '../programs.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { OPERATOR_GROUPS, OPERATOR_USER } from './operator-account.ts';
import { freePorts, startProcess, type TestProcess } from './processes.ts';
import type { TestServer } from './test-server.ts';

type Identity = 'server' | 'admin' | 'operator';
type TestPki = Pki<Identity>;

const STORAGE = 'api.db';
const TOKENS = 'tokens.csv';

/**
 * Starts the embedded API server in this process, on a port and in a folder of its own.
 *
 * @param tokens bearer tokens, as a file of --token-auth-file has them
 * @param extension who serves the streams behind it
 */
export async function startEmbedded(tokens = '', extension?: Extension): Promise<TestServer> {
  return await inFolder(async (dir, pki) => {
    let server = await serve(dir, pki, { port: 0, extension });
    const { port } = server;
    const kill = () => server.close();
    const start = async () => {
      server = await serve(dir, pki, { port, extension });
    };
    return { port, kill, start, stop: kill };
  }, tokens);
}

interface Serving {
  readonly port: number;
  readonly maxChanges?: number;
  readonly extension?: Extension | undefined;
}

async function serve(
  dir: string,
  pki: TestPki,
  { port, maxChanges, extension }: Serving,
): Promise<ApiServer> {
  return await startApiServer({
    storagePath: join(dir, STORAGE),
    listen: { host: '127.0.0.1', port },
    tls: { ...pki.certificates.server, clientCa: pki.ca.cert },
    tokens: await readTokenFile(join(dir, TOKENS)),
    crds: [],
    ...(extension === undefined ? {} : { extension }),
    ...(maxChanges === undefined ? {} : { history: { maxChanges } }),
    log: pino({ level: 'silent' }),
  });
}

/** Starts it as the program that users start, `coppice api`, in a process of its own: `kill` is SIGKILL. */
export async function startEmbeddedProgram(): Promise<TestServer> {
  return await inFolder(async (dir, pki) => {
    const cli = await coppiceProgram();
    const [port = 0] = await freePorts(1);
    const { server, admin } = pki.certificates;
    const flags = ['--storage', join(dir, STORAGE), '--listen', `127.0.0.1:${port}`, '--log-level', 'warn'];
    const tls = ['--tls-cert', server.certPath, '--tls-key', server.keyPath, '--client-ca', pki.ca.certPath];
    const url = `https://127.0.0.1:${port}`;
    const open = async () => {
      const program = startProcess(process.execPath, [cli, 'api', ...flags, ...tls], join(dir, 'api.log'));
      const agent = new Agent({ connect: { ca: pki.ca.cert, cert: admin.cert, key: admin.key } });
      try {
        await program.waitUntil(() => isReady(url, agent));
        return program;
      } finally {
        await agent.close();
      }
    };
    let running: TestProcess = await open();
    const start = async () => {
      running = await open();
    };
    return { port, kill: () => running.kill(), start, stop: () => running.stop() };
  });
}

type Started = Pick<TestServer, 'kill' | 'start' | 'stop'> & { readonly port: number };

async function inFolder(
  open: (dir: string, pki: TestPki) => Promise<Started>,
  tokens = '',
): Promise<TestServer> {
  const dir = await mkdtemp(join(tmpdir(), 'coppice-embedded-'));
  try {
    const pki = await ensurePki<Identity>(join(dir, 'pki'), {
      caCommonName: 'test-ca',
      now: Date.now(),
      certificates: {
        server: { commonName: 'coppice-api', ips: ['127.0.0.1'], dnsNames: ['localhost'], usage: 'server' },
        admin: { commonName: 'admin', organizations: ['system:masters'], usage: 'client' },
        // The embedded server issues no tokens for service accounts; it knows them by name all the same.
        operator: { commonName: OPERATOR_USER, organizations: OPERATOR_GROUPS, usage: 'client' },
      },
    });
    await writeFile(join(dir, TOKENS), tokens, { mode: 0o600 });
    const { port, kill, start, stop } = await open(dir, pki);
    const kubeconfigPath = join(dir, 'kubeconfig');
    const operatorKubeconfigPath = `${kubeconfigPath}.operator`;
    const url = `https://127.0.0.1:${port}`;
    await writeKubeconfig(kubeconfigPath, url, pki.ca, pki.certificates.admin);
    await writeKubeconfig(operatorKubeconfigPath, url, pki.ca, pki.certificates.operator);
    return {
      kubeconfigPath,
      operatorKubeconfigPath,
      kill,
      start,
      loseHistory: async () => {
        await kill();
        // A server that may keep next to nothing drops the rest of the history when it starts.
        const forgetful = await serve(dir, pki, { port, maxChanges: 1 });
        await forgetful.close();
        await start();
      },
      stop: async () => {
        await stop();
        await rm(dir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function isReady(url: string, dispatcher: Agent): Promise<boolean> {
  try {
    const answer = await request(`${url}/readyz`, { dispatcher });
    await answer.body.dump();
    return answer.statusCode === 200;
  } catch {
    // Not up yet: whoever waits asks again, and gives up in time.
    return false;
  }
}
