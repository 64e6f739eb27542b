import { apiVersionOf, type KubeObject } from '../../base/object.ts';
import { createInformer, type Informer, type InformerOptions } from './informer.ts';

/**
 * An informer that knows which objects exist and when they change, but neither fetches nor caches their content. A new
 * resourceVersion is a change; its user reads the content where it is needed. Annotations are dropped, too: the one of
 * `kubectl apply` contains the whole object.
 */
export function createMetadataInformer(
  options: Omit<InformerOptions<KubeObject>, 'transform'>,
): Informer<KubeObject> {
  const { client, ref } = options;
  return createInformer<KubeObject>({
    ...options,
    client: {
      list: (of, query) => client.list(of, { ...query, metadataOnly: true }),
      watch: (of, query) => client.watch(of, { ...query, metadataOnly: true }),
    },
    transform: ({ metadata: { managedFields: _fields, annotations: _annotations, ...metadata } }) => ({
      apiVersion: apiVersionOf(ref),
      kind: ref.kind,
      metadata,
    }),
  });
}
