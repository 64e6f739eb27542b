import { Command } from 'commander';
import {
  TEMPLATE_FOLLOWS,
  TEMPLATE_LABELS,
  TEMPLATES,
  type Template,
  type TemplateLabel,
} from '../../api/kinds.ts';
import { keyOf } from '../../base/object.ts';
import { namedTemplates } from '../../domain/templates/label.ts';
import { labelsOf } from '../../domain/templates/label-index.ts';
import { isSharedWith } from '../../domain/templates/sharing.ts';
import { followedBy, suggestLabels } from '../../domain/templates/suggest.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { whoAmI } from '../../kube/client/reviews.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import { namespacesOf, type Readable, readableObjects, visibleLabels } from '../label-access.ts';
import { formatObjects, type Output, outputOption, printObjects } from '../output.ts';
import { filterOf } from '../template-filter.ts';
import { suggestionTable, templateTable } from '../template-table.ts';

type Options = ClusterOptions & {
  readonly allNamespaces: boolean;
  readonly mine: boolean;
  readonly suggest: boolean;
  readonly label: readonly string[];
  readonly notLabel: readonly string[];
  readonly output?: Output;
};

const LABEL_HELP =
  'a TemplateLabel (NAME or NAMESPACE/NAME), or Kubernetes labels, such as facts.coppice.dev/os=linux';

const EXAMPLES = `
Example:
  coppice templates --mine
  coppice templates --label lamp --not-label 'facts.coppice.dev/container=command'
  coppice templates --label 'facts.coppice.dev/virtual-size-up-to in (1Gi,2Gi)' -o wide
  coppice templates --suggest`;

/** `coppice templates`: what a namespace may use, found by labels. */
export function templatesCommand(): Command {
  const command = new Command('templates')
    .description(
      'list the templates that a namespace may use, with facts about them and the labels that people gave them',
    )
    .option(
      '-A, --all-namespaces',
      'list all templates that you may read, usable in the namespace or not',
      false,
    )
    .option('--mine', 'only those of the labels that you follow (coppice follow)', false)
    .option(
      '--label <label>',
      `only those that have it: ${LABEL_HELP}; several times for several`,
      append,
      [],
    )
    .option('--not-label <label>', 'only those that do not have it; as --label', append, [])
    .option('--suggest', 'list labels instead: of people who follow labels that you follow, too', false)
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      await withClient(options, async (client, namespace) => {
        await (options.suggest ? suggest(client, namespace, options) : list(client, namespace, options));
      });
    });
  return addClusterOptions(command);
}

function append(text: string, previous: readonly string[]): readonly string[] {
  return [...previous, text];
}

async function list(client: KubeClient, namespace: string, options: Options): Promise<void> {
  const user = await whoAmI(client);
  const followed = options.mine ? await followedLabels(client, user, namespace) : new Set<string>();
  const named = namespacesOf([...followed, ...options.label, ...options.notLabel]);
  const labels = await visibleLabels(client, { user, namespace }, named);
  const others = namespacesOf(labels.items.flatMap((label) => [keyOf(label), ...namedTemplates(label)]));
  const all = await readableObjects(client, TEMPLATES, [namespace, ...others]);
  noteParts({ templates: all, labels });
  const usable = options.allNamespaces ? all.items : all.items.filter((one) => isSharedWith(one, namespace));
  const has = labelsOf(labels.items, usable);
  const context = { user, namespace, labels: labels.items, templates: all.items };
  const wanted = options.label.map((text) => filterOf(text, context));
  const unwanted = options.notLabel.map((text) => filterOf(text, context));
  const isMine = (label: TemplateLabel) => followed.has(keyOf(label));
  const found = usable
    .filter((template) => wanted.every((test) => test(template)) && !unwanted.some((test) => test(template)))
    .filter((template) => !options.mine || (has.get(template) ?? []).some(isMine));
  print(found, has, namespace, { ...options, ifNone: sentence(user, namespace, options, followed) });
}

/** Of each object the key is made once, and not in each comparison. */
function inOrder(templates: readonly Template[]): Template[] {
  return templates
    .map((template) => ({ key: keyOf(template), template }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ template }) => template);
}

function print(
  found: readonly Template[],
  has: ReadonlyMap<Template, readonly TemplateLabel[]>,
  namespace: string,
  { output, ifNone }: Options & { readonly ifNone: string },
): void {
  const ordered = inOrder(found);
  const rows = ordered.map((template) => ({ template, labels: has.get(template) ?? [] }));
  const table = (isWide: boolean) => templateTable(rows, namespace, isWide);
  printObjects(ordered, output, () => formatObjects(TEMPLATES, ordered, { output, table }), ifNone);
}

async function followedLabels(
  client: KubeClient,
  user: string,
  namespace: string,
): Promise<ReadonlySet<string>> {
  const { items } = await readableObjects(client, TEMPLATE_FOLLOWS, [namespace]);
  return followedBy(items).get(user) ?? new Set();
}

function sentence(
  user: string,
  namespace: string,
  { allNamespaces, mine, label, notLabel }: Options,
  followed: ReadonlySet<string>,
): string {
  if (mine && followed.size === 0)
    return `${user} follows no labels: \`coppice label list -A\` shows what there is to follow, \`coppice follow\` follows it.`;
  const filtered = mine || label.length + notLabel.length > 0 ? ' with such labels' : '';
  return allNamespaces
    ? `No templates${filtered} that you may read.`
    : `No templates${filtered} that namespace ${namespace} may use.`;
}

async function suggest(client: KubeClient, namespace: string, { output }: Options): Promise<void> {
  const user = await whoAmI(client);
  const viewer = { user, namespace };
  const [labels, follows] = await Promise.all([
    visibleLabels(client, viewer),
    readableObjects(client, TEMPLATE_FOLLOWS, [namespace]),
  ]);
  noteParts({ labels, follows });
  const suggestions = suggestLabels(labels.items, follows.items, viewer);
  const found = suggestions.map(({ label }) => label);
  const table = () => suggestionTable(suggestions, namespace);
  const ifNone = `Nobody whose labels ${user} may see follows a label that ${user} follows, too: nothing to suggest yet.`;
  printObjects(found, output, () => formatObjects(TEMPLATE_LABELS, found, { output, table }), ifNone);
}

/** What is not listed for lack of rights must not look as if it did not exist. */
function noteParts(read: Readonly<Record<string, Readable<unknown>>>): void {
  for (const [what, { namespaces }] of Object.entries(read)) {
    if (namespaces === undefined) continue;
    const which = namespaces.length === 1 ? 'namespace' : 'namespaces';
    console.error(
      `note: you may read the ${what} of ${which} ${namespaces.join(', ')} only; others are left out`,
    );
  }
}
