/** Labels, annotations and finalizers that Coppice puts on objects. */

/** On an appliance: the ServiceDeployment that it belongs to. */
export const LABEL_SERVICE_DEPLOYMENT = 'coppice.dev/service-deployment';
/** On an appliance: the service of that task that it runs. */
export const LABEL_SERVICE = 'coppice.dev/service';
/** On an appliance: its number among the service's replicas. */
export const LABEL_ORDINAL = 'coppice.dev/ordinal';

/** On a lease: the uid of the appliance that has the address, and that of the pool that gave it. */
export const LABEL_APPLIANCE_UID = 'coppice.dev/appliance-uid';
export const LABEL_POOL_UID = 'coppice.dev/pool-uid';

/** Holds an appliance until its host has taken the VM and its disk away. */
export const FINALIZER_APPLIANCE = 'coppice.dev/appliance';
/** Holds a template while other templates or appliances stand on it. */
export const FINALIZER_TEMPLATE = 'coppice.dev/template';
/** Holds a host while appliances are bound to it. */
export const FINALIZER_HOST = 'coppice.dev/host';
/** Holds a pool while addresses of it are given. */
export const FINALIZER_IP_POOL = 'coppice.dev/ip-pool';
/** Holds a lease until the VM that has its address is gone. */
export const FINALIZER_IP_LEASE = 'coppice.dev/ip-lease';

/** Field managers, one a writer, so that server-side apply keeps their fields apart. */
export const FIELD_MANAGER = 'coppice-operator';
