import { realpath } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { dump } from 'js-yaml';
import { TEMPLATES, type Template } from '../../api/kinds.ts';
import { hasUserinfo } from '../../base/shown-url.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import { findDigest, type ImageDigest } from '../images/image-digest.ts';
import { addTemplateOptions, specOf, type TemplateOptions } from '../images/template-options.ts';
import { interruption } from '../steps.ts';

type AddOptions = ClusterOptions &
  TemplateOptions & {
    readonly sums?: string;
    readonly sha256?: string;
    readonly dryRun: boolean;
    readonly output?: 'yaml' | 'json';
  };

const EXAMPLES = `
Examples:
  coppice template add debian-12 https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-generic-amd64.qcow2 --series debian --version 12
  coppice template add fedora https://example.org/fedora.qcow2 --sums https://example.org/Fedora-CHECKSUM --dry-run -o yaml
  coppice template add mine ./disk.qcow2.xz
  coppice template add debian docker://quay.io/containerdisks/debian:12`;

/** `coppice template add NAME URL`: a Template of an image, with the digest that its publisher gives it. */
export function addTemplateCommand(): Command {
  const command = new Command('add')
    .description(
      'make a template of an image, with the digest from a SHA256SUMS (or the like) beside it; a local file is read, and hosts must ' +
        'be allowed to read it as well (--file-root)',
    )
    .argument('<name>', 'name of the Template')
    .argument('<url>', 'the image: http:, https:, file:, docker://registry/repository[:tag], or a path')
    .option('--sums <url|file>', 'file of checksums (default: one of the usual names beside the image)')
    .addOption(
      new Option('--sha256 <digest>', 'the digest, if you know it; nothing is looked up then').argParser(
        parseDigest,
      ),
    )
    .option('--dry-run', 'make nothing: print the Template', false)
    .addOption(
      new Option('-o, --output <format>', 'print the Template (--dry-run alone: yaml)').choices([
        'yaml',
        'json',
      ]),
    )
    .addHelpText('after', EXAMPLES)
    .action(add);
  return addClusterOptions(addTemplateOptions(command));
}

function parseDigest(text: string): string {
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(text)) return text.replace('sha256:', '');
  throw new InvalidArgumentError('it must be 64 lower-case hexadecimal digits');
}

async function add(name: string, image: string, options: AddOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: no template was made.');
  const url = await urlOf(image);
  const { sha256, found } = await digestFor(url, options, signal);
  console.error(found);
  const template = manifestOf(name, { url, sha256 }, options);
  if (options.dryRun) return print(template, options.output ?? 'yaml');
  await withClient(options, async (client, namespace) => {
    const metadata = { ...template.metadata, namespace };
    // The API server fills in the rest.
    const made = await client.create(TEMPLATES, { ...template, metadata } as Template, { signal });
    if (options.output !== undefined) return print(made, options.output);
    console.log(
      `Template ${namespace}/${name} is made. Next: kubectl wait -n ${namespace} --for=condition=Ready template/${name} --timeout=10m`,
    );
  });
}

/** What is no address is a path. */
async function urlOf(image: string): Promise<string> {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(image)) return pathToFileURL(await realpath(image)).href;
  if (!/^(https?|file|docker):\/\//.test(image) || !URL.canParse(image)) {
    throw new Error(`${image} is neither a path nor an http:, https:, file: or docker:// address`);
  }
  if (hasUserinfo(image)) throw new Error('a user and password in the address are not used: remove them');
  return image;
}

async function digestFor(
  url: string,
  { sha256, sums }: AddOptions,
  signal: AbortSignal,
): Promise<ImageDigest> {
  if (sha256 !== undefined && sums !== undefined) throw new Error('give --sha256 or --sums, not both');
  if (sha256 === undefined) return await findDigest(url, sums, signal);
  return { sha256, found: `The sha256 ${sha256} is taken as it was given` };
}

function manifestOf(name: string, image: { url: string; sha256: string }, options: AddOptions) {
  const { namespace } = options;
  return {
    apiVersion: `${TEMPLATES.group}/${TEMPLATES.version}`,
    kind: TEMPLATES.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: specOf({ image }, options),
  };
}

function print(template: object, format: 'yaml' | 'json'): void {
  console.log(
    format === 'json'
      ? JSON.stringify(template, undefined, 4)
      : dump(template, { lineWidth: -1, noRefs: true }).trimEnd(),
  );
}
