/** What is wrong with a service deployment request. Each becomes the reason of a condition. */
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
 * A request that only its author can fix; trying again does not help. The message says what to change.
 */
export class ServiceRequestError extends Error {
  override readonly name = 'ServiceRequestError';
  readonly reason: ServiceRequestReason;

  constructor(reason: ServiceRequestReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
