import { Command } from 'commander';
import { TEMPLATE_FOLLOWS, type TemplateFollow } from '../../api/kinds.ts';
import { keyOf, parseKey } from '../../base/object.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { whoAmI } from '../../kube/client/reviews.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import { changeSpec, findFollow, findLabel, followName } from '../label-access.ts';

const LABEL_HELP = 'NAME in the namespace, or NAMESPACE/NAME';

/** `coppice follow`: adds labels to the user's follow object. */
export function followCommand(): Command {
  const command = new Command('follow')
    .description('follow labels of templates: `coppice templates --mine` shows the templates that have them')
    .argument('<label...>', LABEL_HELP)
    .addHelpText('after', '\nExample:\n  coppice follow lamp images/debian\n  coppice templates --mine')
    .action(async (labels: readonly string[], options: ClusterOptions) => {
      await withClient(options, (client, namespace) => follow(client, namespace, labels));
    });
  return addClusterOptions(command);
}

/** `coppice unfollow`: takes labels out of it. */
export function unfollowCommand(): Command {
  const command = new Command('unfollow')
    .description('no longer follow labels of templates')
    .argument('<label...>', LABEL_HELP)
    .addHelpText('after', '\nExample:\n  coppice unfollow images/debian')
    .action(async (labels: readonly string[], options: ClusterOptions) => {
      await withClient(options, (client, namespace) => unfollow(client, namespace, labels));
    });
  return addClusterOptions(command);
}

async function follow(client: KubeClient, namespace: string, named: readonly string[]): Promise<void> {
  const user = await whoAmI(client);
  const viewer = { user, namespace };
  const keys: string[] = [];
  for (const label of new Set(named)) keys.push(keyOf(await findLabel(client, label, viewer)));
  const found = await findFollow(client, viewer);
  const present = found?.spec.labels ?? [];
  if (found === undefined) await client.create(TEMPLATE_FOLLOWS, newFollow(user, namespace, keys));
  else if (keys.some((key) => !present.includes(key)))
    await changeSpec(client, TEMPLATE_FOLLOWS, found, ({ spec }) => ({
      labels: [...new Set([...(spec.labels ?? []), ...keys])],
    }));
  for (const key of keys) {
    console.log(present.includes(key) ? `${user} follows ${key} already.` : `${user} follows ${key}.`);
  }
}

async function unfollow(client: KubeClient, namespace: string, named: readonly string[]): Promise<void> {
  const user = await whoAmI(client);
  const found = await findFollow(client, { user, namespace });
  const present = found?.spec.labels ?? [];
  const keys = named.map((label) => keyOf({ namespace, ...parseKey(label) }));
  const unknown = keys.filter((key) => !present.includes(key));
  if (found === undefined || unknown.length > 0) {
    const list = present.length === 0 ? 'none' : present.join(', ');
    throw new Error(
      `${user} does not follow ${unknown.join(', ')} in namespace ${namespace}: the labels followed there are ${list}`,
    );
  }
  await changeSpec(client, TEMPLATE_FOLLOWS, found, ({ spec }) => ({
    labels: (spec.labels ?? []).filter((key) => !keys.includes(key)),
  }));
  for (const key of keys) console.log(`${user} no longer follows ${key}.`);
}

function newFollow(user: string, namespace: string, labels: readonly string[]): TemplateFollow {
  return {
    apiVersion: 'coppice.dev/v1alpha1',
    kind: TEMPLATE_FOLLOWS.kind,
    metadata: { name: followName(user), namespace },
    spec: { user, labels: [...new Set(labels)] },
  };
}
