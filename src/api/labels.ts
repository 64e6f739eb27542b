/** Labels, annotations and finalizers that Coppice puts on objects. */

/** On an appliance: the ServiceDeployment that it belongs to. */
export const LABEL_SERVICE_DEPLOYMENT = 'coppice.dev/service-deployment';
/** On an appliance: the service of that task that it runs. */
export const LABEL_SERVICE = 'coppice.dev/service';
/** On an appliance: its number among the service's replicas. */
export const LABEL_ORDINAL = 'coppice.dev/ordinal';

/** Holds an appliance until its host has taken the VM and its disk away. */
export const FINALIZER_APPLIANCE = 'coppice.dev/appliance';
/** Holds a template while other templates or appliances stand on it. */
export const FINALIZER_TEMPLATE = 'coppice.dev/template';
/** Holds a host while appliances are bound to it. */
export const FINALIZER_HOST = 'coppice.dev/host';

/** Field managers, one a writer, so that server-side apply keeps their fields apart. */
export const FIELD_MANAGER = 'coppice-operator';
