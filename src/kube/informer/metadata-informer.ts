import { apiVersionOf, type KubeObject } from '../../api/object.ts';
import { createInformer, type Informer, type InformerOptions } from './informer.ts';

/**
 * An informer that tells which objects there are and when they change, and neither fetches nor keeps what is in them: each
 * other resourceVersion is a change, whose content its user reads where it is needed. Annotations are left out as well: that of
 * `kubectl apply` holds the whole object once more.
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
