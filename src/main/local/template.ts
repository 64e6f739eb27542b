import { spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { TEMPLATES } from '../../api/kinds.ts';
import { own } from '../../base/own.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { readFileIfThere } from '../atomic-files.ts';
import type { Layout } from './layout.ts';
import { signalProcess } from './process-table.ts';

/** Where `coppice up` creates the templates that every namespace may use. */
export const SYSTEM_NAMESPACE = 'coppice-system';

export const SERIES = 'minimal';
const DIGITS_IN_NAME = 10;
/** Series → the container that runs services in its templates. */
const CONTAINERS = {
  [SERIES]: { type: 'static-site', name: 'httpd', port: 80 },
  [`${SERIES}-command`]: { type: 'command', name: 'command', port: 8080 },
};

/** The builder's manifest.json; `key` is a digest of all inputs of the build. */
type Manifest = {
  readonly key: string;
  readonly kernelVersion: string;
  readonly kernelArguments: string;
  readonly files: Readonly<Record<string, { readonly sha256: string }>>;
};

/**
 * Builds the minimal guest from the distribution's packages, unless it is built already. `builderFolder` holds the builder, `progress`
 * gets its output, line by line. Rejects with the last lines when the build fails; an abort ends the builder.
 */
export async function buildGuest(
  layout: Layout,
  builderFolder: string,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const script = join(builderFolder, 'build-minimal.sh');
  // In its own process group, so that an abort ends everything that it started.
  const child = spawn('bash', [script, join(layout.guests, SERIES)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const end = () => child.pid !== undefined && signalProcess(-child.pid, 'SIGTERM');
  signal.addEventListener('abort', end);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      progress(line);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => signal.removeEventListener('abort', end));
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`the minimal guest could not be built:\n${lines.slice(-10).join('\n')}`);
}

/**
 * Creates templates of the built guest for every namespace, one for each container type. They share one layer, which hosts store
 * once. Resolves with their names.
 */
export async function applyMinimalTemplates(layout: Layout, client: KubeClient): Promise<string[]> {
  // The next build moves the link `current`, so the template names the folder behind it.
  const folder = await realpath(join(layout.guests, SERIES, 'current'));
  const manifest = await readManifest(join(folder, 'manifest.json'));
  const build = manifest.key.slice(0, DIGITS_IN_NAME);
  const names: string[] = [];
  for (const [series, container] of Object.entries(CONTAINERS)) {
    const name = `${series}-${build}`;
    const spec = {
      series,
      version: `${manifest.kernelVersion}-${build}`,
      ...sourceAndGuest(folder, manifest),
      container,
      sharing: { scope: 'Cluster' },
    };
    const template = {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { name, namespace: SYSTEM_NAMESPACE },
      spec,
    };
    // A template's source cannot change. An existing template of this name has the same source, since the name contains its key.
    if ((await client.find(TEMPLATES, template.metadata)) === undefined) {
      await client.apply(TEMPLATES, template, { fieldManager: 'coppice-cli' });
    }
    names.push(name);
  }
  return names;
}

function sourceAndGuest(folder: string, manifest: Manifest) {
  return {
    source: { image: fileOf(folder, manifest, 'disk.qcow2') },
    guest: {
      boot: {
        kernel: fileOf(folder, manifest, 'vmlinux'),
        initrd: fileOf(folder, manifest, 'initrd.img'),
        commandLine: manifest.kernelArguments,
      },
    },
  };
}

function fileOf(folder: string, manifest: Manifest, name: string): { url: string; sha256: string } {
  const entry = own(manifest.files, name);
  if (entry === undefined)
    throw new Error(`${folder}/manifest.json does not name ${name}: remove ${folder} and try again`);
  return { url: pathToFileURL(join(folder, name)).href, sha256: entry.sha256 };
}

async function readManifest(path: string): Promise<Manifest> {
  const text = await readFileIfThere(path);
  if (text === undefined)
    throw new Error(`${path} is missing: run \`coppice up\` again, which builds the guest`);
  return JSON.parse(text) as Manifest;
}
