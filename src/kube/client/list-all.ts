import type { KubeObject, ResourceRef } from '../../base/object.ts';
import { isGone } from '../api-error.ts';
import type { KubeClient, KubeList, ListOptions } from './client.ts';

const pageSize = 500;

/**
 * A complete and consistent list, fetched in pages. All pages show the state at one resource version. If the server drops that
 * version before the last page (410), the list is fetched again in one piece.
 */
export async function listAll<T extends KubeObject>(
  client: Pick<KubeClient, 'list'>,
  ref: ResourceRef<T>,
  options: Omit<ListOptions, 'limit' | 'continue' | 'resourceVersion'> = {},
): Promise<KubeList<T>> {
  try {
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const page = await client.list(ref, { ...options, limit: pageSize, continue: next });
      items.push(...page.items);
      if (page.continue === undefined) {
        return { items, resourceVersion: page.resourceVersion };
      }
      next = page.continue;
    }
  } catch (error) {
    if (isGone(error)) {
      return await client.list(ref, options);
    }
    throw error;
  }
}
