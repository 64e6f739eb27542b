/** How the API server may answer. https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
export const JSON_TYPE = 'application/json';

/** For a watch: events whose objects are metadata only. */
export const METADATA = `${JSON_TYPE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;

/** For a list of such objects. */
export const METADATA_LIST = `${JSON_TYPE};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
