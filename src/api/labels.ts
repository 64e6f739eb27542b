/** Labels, annotations and finalizers that Coppice puts on objects. */

/** On an appliance: the ServiceDeployment that it belongs to. */
export const LABEL_SERVICE_DEPLOYMENT = 'coppice.dev/service-deployment';
/** On an appliance: the service of that task that it runs. */
export const LABEL_SERVICE = 'coppice.dev/service';
/** On an appliance: its number among the service's replicas. */
export const LABEL_ORDINAL = 'coppice.dev/ordinal';

/** On a lease: the uid of the appliance that has the address, and the uid of the pool that the address is from. */
export const LABEL_APPLIANCE_UID = 'coppice.dev/appliance-uid';
export const LABEL_POOL_UID = 'coppice.dev/pool-uid';

/**
 * With the value "true" on an appliance that is being deleted: its host will never come back, so deletion does not wait until
 * the host has removed the VM and its disk.
 */
export const ANNOTATION_FORCE_DELETE = 'coppice.dev/force-delete';

/** On an appliance whose VM a recall stopped: if the recall is taken back, the VM starts again. */
export const ANNOTATION_RECALL = 'coppice.dev/recall';

/** Annotation of a template. When its value changes, hosts read the template's layers again and check their digests. */
export const ANNOTATION_VERIFY = 'coppice.dev/verify';
/**
 * On a task of one service: the number of replicas that the operator last copied from the service to `spec.replicas`. Only the operator
 * writes it.
 */
export const ANNOTATION_CARRIED_REPLICAS = 'coppice.dev/carried-replicas';

/** Holds an appliance until its host has removed the VM and its disk. */
export const FINALIZER_APPLIANCE = 'coppice.dev/appliance';
/** Holds a template while other templates or appliances are based on it. */
export const FINALIZER_TEMPLATE = 'coppice.dev/template';
/** Holds a host while appliances are bound to it. */
export const FINALIZER_HOST = 'coppice.dev/host';
/** Holds a pool while its addresses are assigned. */
export const FINALIZER_IP_POOL = 'coppice.dev/ip-pool';
/** Holds a lease until the VM that has its address is gone. */
export const FINALIZER_IP_LEASE = 'coppice.dev/ip-lease';

/** The operator's field manager: server-side apply tracks by it which fields belong to the operator. */
export const FIELD_MANAGER = 'coppice-operator';
/** That of the facts about templates: they are applied apart from all else, so that no other field is touched. */
export const FACTS_MANAGER = 'coppice-facts';
/** On a template: what its spec and status tell of it. Coppice alone sets labels with this prefix. */
export const FACTS_PREFIX = 'facts.coppice.dev/';
