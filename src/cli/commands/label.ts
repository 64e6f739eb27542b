import { Command, Option } from 'commander';
import { TEMPLATE_FOLLOWS, TEMPLATE_LABELS, type TemplateLabel } from '../../api/kinds.ts';
import { labelSelectorOf } from '../../apiserver/selectors/label-selector.ts';
import { keyOf, parseKey } from '../../base/object.ts';
import { followedBy } from '../../domain/templates/suggest.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { whoAmI } from '../../kube/client/reviews.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import {
  changeSpec,
  namespacesOf,
  noSuchLabel,
  readableObjects,
  shownKey,
  visibleLabels,
} from '../label-access.ts';
import { formatObjects, type Output, outputOption, printObjects } from '../output.ts';
import { formatTable } from '../table.ts';

type Spec = TemplateLabel['spec'];

type AddOptions = ClusterOptions & {
  readonly template?: readonly string[];
  readonly selector?: string;
  readonly title?: string;
  readonly description?: string;
  readonly visibility?: Spec['visibility'];
};

const TEMPLATE_HELP = 'NAME of a template in the namespace, or NAMESPACE/NAME; several times for several';

/** `coppice label`: a user's own classification of templates. */
export function labelCommand(): Command {
  return new Command('label')
    .description('make, show and remove labels, by which people classify and find templates')
    .addHelpText('after', '\nExample:\n  coppice label add lamp --template debian-lamp --visibility Cluster')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(removeCommand());
}

function addCommand(): Command {
  const command = new Command('add')
    .description('make a label that you own, or add templates to it and change what options name')
    .argument('<name>', 'name of the label')
    .option('-t, --template <name...>', TEMPLATE_HELP)
    .option(
      '-l, --selector <selector>',
      "the namespace's templates with these Kubernetes labels, such as facts.coppice.dev/os=linux",
    )
    .option('--title <text>', 'a short text (default: the name)')
    .option('--description <text>', 'a longer text')
    .addOption(
      new Option('--visibility <who>', 'who finds it: you, people of its namespace, or all').choices([
        'Private',
        'Namespace',
        'Cluster',
      ]),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice label add lamp -t debian-lamp -t images/php --visibility Namespace',
    )
    .action(async (name: string, options: AddOptions) => {
      await withClient(options, (client, namespace) => add(client, { name, namespace }, options));
    });
  return addClusterOptions(command);
}

async function add(
  client: KubeClient,
  named: { readonly name: string; readonly namespace: string },
  { template = [], selector, title, description, visibility }: AddOptions,
): Promise<void> {
  const given = {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(selector === undefined ? {} : { selector: labelSelectorOf(selector) }),
  } as Partial<Spec>;
  const found = await client.find(TEMPLATE_LABELS, named);
  if (found === undefined) {
    const owner = await whoAmI(client);
    const spec = { title: named.name, owner, templates: [...new Set(template)], ...given } as Spec;
    const { apiVersion, kind } = { apiVersion: 'coppice.dev/v1alpha1', kind: TEMPLATE_LABELS.kind };
    await client.create(TEMPLATE_LABELS, { apiVersion, kind, metadata: named, spec });
    console.log(`TemplateLabel ${keyOf(named)} is made; ${owner} owns it.`);
    return;
  }
  await changeSpec(client, TEMPLATE_LABELS, found, ({ spec }) => ({
    ...given,
    // A merge patch would keep the other half of a selector that is replaced.
    ...(given.selector === undefined ? {} : { selector: { matchLabels: null, ...given.selector } }),
    templates: [...new Set([...(spec.templates ?? []), ...template])],
  }));
  console.log(`TemplateLabel ${keyOf(named)} is changed.`);
}

type RemoveOptions = ClusterOptions & { readonly template?: readonly string[] };

function removeCommand(): Command {
  const command = new Command('remove')
    .description('delete a label that you own, or only take templates out of it')
    .argument('<name>', 'name of the label')
    .option('-t, --template <name...>', `${TEMPLATE_HELP}; the label itself stays`)
    .addHelpText(
      'after',
      '\nExample:\n  coppice label remove lamp\n  coppice label remove lamp -t debian-lamp',
    )
    .action(async (name: string, options: RemoveOptions) => {
      await withClient(options, (client, namespace) => remove(client, { name, namespace }, options.template));
    });
  return addClusterOptions(command);
}

async function remove(
  client: KubeClient,
  named: { readonly name: string; readonly namespace: string },
  templates: readonly string[] | undefined,
): Promise<void> {
  const found = await client.find(TEMPLATE_LABELS, named);
  if (found === undefined) throw noSuchLabel(keyOf(named), await whoAmI(client));
  if (templates === undefined) {
    const { uid } = found.metadata;
    await client.delete(TEMPLATE_LABELS, named, uid === undefined ? {} : { preconditions: { uid } });
    console.log(`TemplateLabel ${keyOf(named)} is deleted.`);
    return;
  }
  await changeSpec(client, TEMPLATE_LABELS, found, (label) => ({ templates: without(label, templates) }));
  console.log(`TemplateLabel ${keyOf(named)} is changed.`);
}

/** @throws when it does not name one of them */
function without(label: TemplateLabel, templates: readonly string[]): readonly string[] {
  const { metadata, spec } = label;
  const keyIn = (text: string) => keyOf({ namespace: metadata.namespace, ...parseKey(text) });
  const going = new Set(templates.map(keyIn));
  const present = spec.templates ?? [];
  const unknown = [...going].filter((key) => !present.map(keyIn).includes(key));
  if (unknown.length > 0) {
    const list = present.join(', ') || 'none';
    throw new Error(`TemplateLabel ${keyOf(label)} does not name ${unknown.join(', ')}: it names ${list}`);
  }
  return present.filter((text) => !going.has(keyIn(text)));
}

type ListOptions = ClusterOptions & {
  readonly allNamespaces: boolean;
  readonly followed: boolean;
  readonly output?: Output;
};

function listCommand(): Command {
  const command = new Command('list')
    .description('list the labels that are visible to you')
    .option('-A, --all-namespaces', 'those of all namespaces', false)
    .option('--followed', 'only those that you follow, of all namespaces', false)
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  coppice label list -A\n  coppice label list --followed')
    .action(async (options: ListOptions) => {
      await withClient(options, (client, namespace) => list(client, namespace, options));
    });
  return addClusterOptions(command);
}

async function list(
  client: KubeClient,
  namespace: string,
  { allNamespaces, followed, output }: ListOptions,
): Promise<void> {
  const user = await whoAmI(client);
  const follows = await readableObjects(client, TEMPLATE_FOLLOWS, [namespace]);
  const mine = followedBy(follows.items).get(user) ?? new Set();
  const { items: visible } = await visibleLabels(client, { user, namespace }, namespacesOf(mine));
  const isEverywhere = allNamespaces || followed;
  const labels = visible.filter(
    (label) =>
      (isEverywhere || label.metadata.namespace === namespace) && (!followed || mine.has(keyOf(label))),
  );
  const where = isEverywhere ? 'any namespace' : `namespace ${namespace}`;
  const ifNone = followed
    ? `${user} follows no labels: \`coppice label list -A\` shows what there is to follow.`
    : `No labels that are visible to ${user} in ${where}.`;
  const table = () => labelTable(labels, mine, namespace);
  printObjects(labels, output, () => formatObjects(TEMPLATE_LABELS, labels, { output, table }), ifNone);
}

const HEADER = ['LABEL', 'OWNER', 'VISIBILITY', 'TEMPLATES', 'FOLLOWERS', 'FOLLOWED', 'TITLE'];

function labelTable(labels: readonly TemplateLabel[], mine: ReadonlySet<string>, namespace: string): string {
  const rows = labels.map((label) => [
    shownKey(keyOf(label), namespace),
    label.spec.owner,
    label.spec.visibility,
    `${label.status?.templates ?? '-'}`,
    `${label.status?.followers ?? '-'}`,
    mine.has(keyOf(label)) ? 'yes' : 'no',
    label.spec.title,
  ]);
  return formatTable(HEADER, rows);
}
