/** What is wrong with a service deployment request; each becomes the reason of a condition. */
type ServiceRequestReason =
  | 'UnknownContainerType'
  | 'InvalidServiceName'
  | 'InvalidServiceDescription'
  | 'UnsafeFileName'
  | 'InvalidPath'
  | 'InvalidHostname'
  | 'InvalidEnvironment'
  | 'MissingCommand'
  | 'InvalidCommand';

/**
 * A request that nobody but its author can mend: trying again does not help. The message says what to change.
 */
export class ServiceRequestError extends Error {
  override readonly name = 'ServiceRequestError';
  readonly reason: ServiceRequestReason;

  constructor(reason: ServiceRequestReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
