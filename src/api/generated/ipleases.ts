// Generated from crds/ipleases.yaml by `npm run generate`. Do not edit.

/**
 * The address and the appliance that holds it; immutable.
 */
export interface IPLeaseSpec {
/**
 * The address.
 */
address: string
/**
 * The pool of the address.
 */
pool: {
/**
 * Its namespace.
 */
namespace: string
/**
 * Its name.
 */
name: string
}
/**
 * The appliance that holds the lease.
 */
appliance: {
/**
 * Its namespace.
 */
namespace: string
/**
 * Its name.
 */
name: string
/**
 * Its uid: another appliance of the same name has no right to the address.
 */
uid: string
}
/**
 * The host of the appliance; the address is free only after this host reports that the VM is gone.
 */
hostName: string
}
