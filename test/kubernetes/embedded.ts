import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startApiServer } from '../../src/apiserver/server.ts';
import { ensurePki } from '../../src/main/pki.ts';
import { writeKubeconfig } from './kubeconfig.ts';

/** Starts the embedded API server in this process, on a port and in a folder of its own. */
export async function startEmbedded(): Promise<{ readonly kubeconfigPath: string; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'coppice-embedded-'));
  try {
    const { ca, certificates } = await ensurePki<'server' | 'admin'>(join(dir, 'pki'), {
      caCommonName: 'test-ca',
      now: Date.now(),
      certificates: {
        server: { commonName: 'coppice-api', ips: ['127.0.0.1'], dnsNames: ['localhost'], usage: 'server' },
        admin: { commonName: 'admin', organizations: ['system:masters'], usage: 'client' },
      },
    });
    const server = await startApiServer({
      storagePath: join(dir, 'api.db'),
      listen: { host: '127.0.0.1', port: 0 },
      tls: { key: certificates.server.key, cert: certificates.server.cert, clientCa: ca.cert },
      tokens: [],
      crds: [],
      log: pino({ level: 'silent' }),
    });
    const kubeconfigPath = join(dir, 'kubeconfig');
    await writeKubeconfig(kubeconfigPath, server.url, ca, certificates.admin);
    const stop = async () => {
      await server.close();
      await rm(dir, { recursive: true });
    };
    return { kubeconfigPath, stop };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}
