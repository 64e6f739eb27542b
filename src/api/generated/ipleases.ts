// Generated from crds/ipleases.yaml by `npm run generate`. Do not edit.

/**
 * What is given to whom; it never changes.
 */
export interface IPLeaseSpec {
/**
 * The address.
 */
address: string
/**
 * The pool it was given from.
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
 * The appliance that has it.
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
 * The host that the appliance is bound to: what it says decides whether the VM is gone.
 */
hostName: string
}
