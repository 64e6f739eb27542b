import { parseKey } from '../../base/object.ts';

/**
 * The tree of templates (SO-MVDS 3.1): "an incremental image file can be the basic file of another image",
 * and an appliance's disk is a leaf. Templates and appliances are identified by their keys, namespace/name.
 */

/** Reads slow down with every layer: 25 ms for 20,000 reads at depth 3, 61 at 12, 217 at 24. */
export const DEPTH_LIMIT = 12;

/** What can be wrong with a template's chain of parents. */
type ChainProblem =
  | { readonly reason: 'ParentNotFound'; readonly message: string }
  | { readonly reason: 'ParentCycle'; readonly message: string }
  | { readonly reason: 'ChainTooDeep'; readonly message: string };

export type ParentChain =
  /** From the template itself to its root, a basic template. */
  { readonly chain: readonly string[]; readonly problem?: undefined } | { readonly problem: ChainProblem };

/**
 * Follows the parents of a template up to its root.
 * @param parentOf a template's parent: null for a basic template, undefined for one that its child cannot have
 * @param mayName whether the template's own namespace may learn of an ancestor, of which only a child knows by right
 */
export function parentChain(
  key: string,
  parentOf: (key: string) => string | null | undefined,
  mayName: (key: string) => boolean = () => true,
): ParentChain {
  const chain = [key];
  for (let at = key; ; ) {
    const parent = parentOf(at);
    if (parent === null) return { chain };
    if (parent === undefined) return { problem: notFound(at, chain) };
    if (chain.includes(parent)) {
      const named = [...chain, parent].map((one) => (mayName(one) ? one : '(not shared)'));
      const message = `${named.join(' → ')} is a circle, and a template cannot be its own ancestor: delete one of them, and make it again on another parent`;
      return { problem: { reason: 'ParentCycle', message } };
    }
    chain.push(parent);
    if (chain.length > DEPTH_LIMIT) {
      const message = `${key} has more than ${DEPTH_LIMIT - 1} ancestors, and each makes disks slower: flatten one of them (coppice template flatten), or put the steps of several into one`;
      return { problem: { reason: 'ChainTooDeep', message } };
    }
    at = parent;
  }
}

function notFound(key: string, chain: readonly string[]): ChainProblem {
  const child = chain.at(-2);
  const message =
    child === undefined
      ? `template ${key} does not exist`
      : `template ${key}, the parent of ${child}, does not exist${orIsNotShared(key, child)}`;
  return { reason: 'ParentNotFound', message };
}

/** Whether one of two templates is an ancestor of itself by the other. @param parentOf as that of `parentChain` */
export function areInCircle(
  one: string,
  other: string,
  parentOf: (key: string) => string | null | undefined,
): boolean {
  const reaches = (from: string, to: string) => {
    const seen = new Set<string>();
    for (let at = parentOf(from); at !== null && at !== undefined && !seen.has(at); at = parentOf(at)) {
      if (at === to) return true;
      seen.add(at);
    }
    return false;
  };
  return reaches(one, other) && reaches(other, one);
}

/** What to do about it. Nobody learns of a template of another namespace whether it exists, unless it is shared with theirs. */
function orIsNotShared(parent: string, child: string): string {
  const { namespace } = parseKey(child);
  return parseKey(parent).namespace === namespace
    ? ': create it'
    : `, or is not shared with namespace ${namespace}: create it, or have its owner set spec.sharing`;
}

/** The templates and appliances that use a template. While there are any, it cannot be deleted. */
export interface TemplateHolders {
  readonly children: readonly string[];
  readonly appliances: readonly string[];
}

/** The templates and appliances that use the template directly, in order of their keys. */
export function holdersOf(
  key: string,
  templates: Iterable<{ readonly key: string; readonly parent: string | null }>,
  appliances: Iterable<{ readonly key: string; readonly template: string }>,
): TemplateHolders {
  const children: string[] = [];
  for (const template of templates) if (template.parent === key) children.push(template.key);
  const grown: string[] = [];
  for (const appliance of appliances) if (appliance.template === key) grown.push(appliance.key);
  return { children: children.sort(), appliances: grown.sort() };
}

const NAMED = 5;

/** A text for the condition of a template that waits to be deleted, or null when nothing holds it. */
export function describeHolders({ children, appliances }: TemplateHolders): string | null {
  const parts = [list('template', children), list('appliance', appliances)].filter((part) => part !== null);
  return parts.length === 0 ? null : `held by ${parts.join(' and ')}`;
}

function list(noun: string, keys: readonly string[]): string | null {
  if (keys.length === 0) return null;
  const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : '';
  return `${keys.length} ${noun}${keys.length === 1 ? '' : 's'} (${keys.slice(0, NAMED).join(', ')}${more})`;
}
