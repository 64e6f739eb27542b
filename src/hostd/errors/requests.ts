import { HostError } from './host-error.ts';

/** What is wrong with a request, or with its time. */
export const requestErrors = {
  invalidRequest: (message: string, field?: string) =>
    new HostError('InvalidRequest', message, {
      kind: 'refused',
      status: 400,
      ...(field === undefined ? {} : { field }),
    }),
  notAuthorized: (organizations: readonly string[]) =>
    new HostError(
      'NotAuthorized',
      `the client certificate carries the organizations [${organizations.join(', ')}]; use one issued to operators`,
      { kind: 'refused', status: 403 },
    ),
  noSuchRoute: (method: string, url: string) =>
    new HostError('NotFound', `there is no ${method} ${url}; /openapi.json lists what there is`, {
      kind: 'refused',
      status: 404,
    }),
  noSuchAppliance: (uuid: string) =>
    new HostError('NotFound', `this host has no appliance ${uuid}`, { kind: 'refused', status: 404 }),
  noSuchLayer: (sha256: string) =>
    new HostError('NotFound', `this host does not hold layer ${sha256}`, { kind: 'refused', status: 404 }),
  olderGeneration: (uuid: string, known: number, given: number) =>
    new HostError(
      'OlderGeneration',
      `appliance ${uuid} is known at generation ${known}, generation ${given} is older: send the newest`,
      { kind: 'refused', status: 409, field: '/generation' },
    ),
  applianceDeleting: (uuid: string) =>
    new HostError('Deleting', `appliance ${uuid} is being deleted: ask again when GET answers 404`, {
      kind: 'refused',
      status: 409,
    }),
  immutable: (uuid: string, field: string) =>
    new HostError(
      'Immutable',
      `${field} of appliance ${uuid} cannot change while it exists: delete it and create it anew`,
      { kind: 'refused', status: 409, field: `/${field.replaceAll('.', '/')}` },
    ),
  layerHeld: (sha256: string, holders: readonly string[]) =>
    new HostError(
      'LayerInUse',
      `layer ${sha256} is held by ${holders.length} appliance(s): ${holders.join(', ')}; delete them first`,
      { kind: 'refused', status: 409 },
    ),
  layerKindDiffers: (sha256: string, known: string) =>
    new HostError(
      'Immutable',
      `layer ${sha256} is held as kind ${known}: delete it before changing its kind`,
      {
        kind: 'refused',
        status: 409,
        field: '/kind',
      },
    ),
  stopping: () =>
    new HostError('Stopping', 'the daemon is stopping: ask again after its restart', { status: 503 }),
};
