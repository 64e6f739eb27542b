import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command } from 'commander';
import { TEMPLATES, type Template } from '../../api/kinds.ts';
import { isAlreadyExists } from '../../kube/api-error.ts';
import { addClusterOptions, type Cluster, type ClusterOptions, withCluster } from '../cluster.ts';
import { digestOfFile } from '../images/image-digest.ts';
import { pushFile } from '../images/push.ts';
import { addTemplateOptions, specOf, type TemplateOptions } from '../images/template-options.ts';
import { standingOf, untilReady } from '../images/template-ready.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type PushOptions = ClusterOptions &
  TemplateOptions & { readonly name?: string; readonly timeout: number; readonly wait: boolean };

/** `coppice template push FILE`: a Template of a file on this machine, which is sent to a host. */
export function pushTemplateCommand(): Command {
  const command = new Command('push')
    .description(
      'make a template of a disk image on this machine: its digest is computed, and it is sent to a host; after an interruption, the ' +
        'same command goes on where it was',
    )
    .argument('<file>', 'the disk image, packed or not: whatever `coppice template add` takes')
    .option('--name <name>', "name of the Template (default: the file's name without its suffixes)")
    .option('--no-wait', 'do not wait until it is Ready')
    .addOption(
      option(
        '--timeout <seconds>',
        'wait so long for it to be Ready',
        'COPPICE_PUSH_TIMEOUT',
        1800,
      ).argParser(parseInteger(1, 86_400)),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice template push debian-12.qcow2.xz --series debian --version 12\n  coppice template push disk.raw --name mine --no-wait',
    )
    .action(push);
  return addClusterOptions(addTemplateOptions(command));
}

async function push(path: string, options: PushOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: the same command goes on where it was.');
  const name = options.name ?? nameFrom(path);
  const { size: bytes } = await stat(path);
  if (bytes === 0) throw new Error(`${path} is empty: name a disk image`);
  const sha256 = await digestOfFile(createReadStream(path, { signal }), bytes);
  await withCluster(options, async (cluster) => {
    const template = { name, namespace: cluster.namespace };
    const made = await make(cluster, name, { sha256, bytes }, options);
    console.error(`Template ${template.namespace}/${name} ${made}; sha256 ${sha256}`);
    const isReady = async () => standingOf(await cluster.client.get(TEMPLATES, template))?.status === 'True';
    await pushFile({ config: cluster.config, template, path, bytes, isReady, signal });
    if (options.wait) await untilReady(cluster.client, template, options.timeout, signal);
    else console.log(`Template ${template.namespace}/${name} has its file.`);
  });
}

/** `debian-12.qcow2.xz` → `debian-12` */
function nameFrom(path: string): string {
  const name = basename(path)
    .replace(/\.(gz|xz|zst|zstd|bz2)$/i, '')
    .replace(/\.(qcow2|img|raw|vmdk|vhdx?|vdi|ova|disk)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-');
  if (/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw new Error(`${basename(path)} gives no name for a template: give one with --name`);
}

type Upload = { readonly sha256: string; readonly bytes: number };

/** Makes the Template, unless an earlier push of the same file did. */
async function make({ client, namespace }: Cluster, name: string, upload: Upload, options: PushOptions) {
  const template = {
    apiVersion: `${TEMPLATES.group}/${TEMPLATES.version}`,
    kind: TEMPLATES.kind,
    metadata: { name, namespace },
    spec: specOf({ upload }, options),
  };
  try {
    // The API server fills in the rest.
    await client.create(TEMPLATES, template as Template);
    return 'is made';
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { source } = (await client.get(TEMPLATES, { name, namespace })).spec;
    if (source.upload?.sha256 === upload.sha256) return 'is there';
    throw new Error(
      `template ${namespace}/${name} exists, and is of something else than this file: give another --name, or delete it`,
    );
  }
}
