import { writeFile } from 'node:fs/promises';
import type { StoredKeyPair } from '../../src/main/pki.ts';

/** Writes a kubeconfig with one cluster and one user; the certificates stay in their files. */
export async function writeKubeconfig(
  path: string,
  server: string,
  ca: StoredKeyPair,
  user: StoredKeyPair,
): Promise<void> {
  // JSON is YAML.
  const content = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': ca.certPath } }],
    users: [{ name: 'test', user: { 'client-certificate': user.certPath, 'client-key': user.keyPath } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
  await writeFile(path, content, { mode: 0o600 });
}
