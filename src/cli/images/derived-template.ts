import { parentKey } from '../../../controllers/objects/template-references.ts';
import { TEMPLATES, type Template } from '../../api/kinds.ts';
import { parseKey } from '../../base/object.ts';
import { type WholeTemplate, wholeTemplate } from '../../domain/templates/inherit.ts';
import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { Cluster } from '../cluster.ts';

export type Named = { readonly name: string; readonly namespace: string };

/** The template with what it has from its parents. @throws Error that says which template nobody finds, or this user may not read */
export async function readWhole(client: KubeClient, template: Named): Promise<WholeTemplate> {
  const chain: Template[] = [];
  const find = async ({ name, namespace }: Named) =>
    await orExplain(
      client.get(TEMPLATES, { name, namespace }),
      `template ${namespace}/${name} does not exist, or you may not read it: how its guest boots is in it`,
    );
  for (let next: Named | undefined = template; next !== undefined; ) {
    const found: Template = await find(next);
    chain.push(found);
    const key = parentKey(found);
    const { name, namespace = 'default' } = key === null ? { name: undefined } : parseKey(key);
    next = name === undefined ? undefined : { name, namespace };
  }
  return wholeTemplate(chain[0] as Template, (child) => chain[chain.indexOf(child) + 1]);
}

export type Versioned = { readonly series?: string; readonly version?: string };

/**
 * Makes a Template that boots as another one does, unless an earlier call did; resolves with what became of it.
 * @param isSame whether a Template of the name is the one that is wanted
 */
export async function makeDerived(
  { client, namespace }: Cluster,
  name: string,
  {
    source,
    origin,
    version,
    isSame,
  }: {
    readonly source: Template['spec']['source'];
    /** How its guest boots, what runs services in it, and when it goes; the API server fills in the rest. */
    readonly origin: {
      readonly [Part in 'guest' | 'container' | 'lifecycle']?: Partial<WholeTemplate['spec'][Part]>;
    };
    readonly version: Versioned;
    readonly isSame: (source: Template['spec']['source']) => boolean;
  },
): Promise<string> {
  const { series, version: number } = version;
  const { guest, container, lifecycle } = origin;
  const template = {
    apiVersion: `${TEMPLATES.group}/${TEMPLATES.version}`,
    kind: TEMPLATES.kind,
    metadata: { name, namespace },
    spec: {
      ...(series === undefined ? {} : { series }),
      ...(number === undefined ? {} : { version: number }),
      source,
      ...(guest === undefined ? {} : { guest }),
      ...(container === undefined ? {} : { container }),
      ...(lifecycle === undefined ? {} : { lifecycle }),
    },
  };
  try {
    // The API server fills in the rest.
    await client.create(TEMPLATES, template as unknown as Template);
    return 'is made';
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    if (isSame((await client.get(TEMPLATES, { name, namespace })).spec.source)) return 'is there';
    throw new Error(
      `template ${namespace}/${name} exists, and is of something else: give another name, or delete it`,
    );
  }
}

export async function orExplain<T>(call: Promise<T>, message: string): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) throw new Error(message);
    throw error;
  }
}
