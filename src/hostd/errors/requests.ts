import { pathOf } from '../../base/shown-url.ts';
import { HostError } from './host-error.ts';

/** Errors that answer a request. */
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
      `the client certificate has the organizations [${organizations.join(', ')}]; use a certificate issued to operators`,
      { kind: 'refused', status: 403 },
    ),
  noSuchRoute: (method: string, url: string) =>
    new HostError('NotFound', `there is no ${method} ${pathOf(url)}; /openapi.json lists all calls`, {
      kind: 'refused',
      status: 404,
    }),
  noSuchAppliance: (uuid: string) =>
    new HostError('NotFound', `this host has no appliance ${uuid}`, { kind: 'refused', status: 404 }),
  noSuchLayer: (identity: string) =>
    new HostError('NotFound', `this host does not have layer ${identity}`, { kind: 'refused', status: 404 }),
  noSuchImport: (sha256: string) =>
    new HostError('NotFound', `this host does not import ${sha256} for that namespace`, {
      kind: 'refused',
      status: 404,
    }),
  olderGeneration: (uuid: string, known: number, given: number) =>
    new HostError(
      'OlderGeneration',
      `appliance ${uuid} is already at generation ${known}, and generation ${given} is older: send the newest one`,
      { kind: 'refused', status: 409, field: '/generation' },
    ),
  applianceDeleting: (uuid: string) =>
    new HostError('Deleting', `appliance ${uuid} is being deleted: try again when GET answers 404`, {
      kind: 'refused',
      status: 409,
    }),
  immutable: (uuid: string, field: string) =>
    new HostError(
      'Immutable',
      `${field} of appliance ${uuid} cannot change while it exists: delete the appliance and create it again`,
      { kind: 'refused', status: 409, field: `/${field.replaceAll('.', '/')}` },
    ),
  diskShrinks: (uuid: string, disk: 'disk' | 'data disk', before: number, after: number) =>
    new HostError(
      'DiskShrinks',
      `the ${disk} of appliance ${uuid} has ${before} bytes and cannot shrink to ${after}: ask for as much or more, or make a new appliance`,
      { kind: 'refused', status: 409, field: disk === 'disk' ? '/disk/sizeBytes' : '/disk/dataBytes' },
    ),
  layerHeld: (identity: string, holders: readonly string[]) =>
    new HostError('LayerInUse', `layer ${identity} is used by ${holders.join(', ')}: delete that first`, {
      kind: 'refused',
      status: 409,
    }),
  notAStream: (protocol: string) =>
    new HostError(
      'InvalidRequest',
      `this call opens a WebSocket (version 13) with the subprotocol ${protocol}, and the request asks for something else: use a client ` +
        'that speaks it, as `coppice` does',
      { kind: 'refused', status: 400 },
    ),
  callerGone: () =>
    new HostError('CallerGone', 'the caller has closed the connection', { kind: 'refused', status: 499 }),
  stopping: () =>
    new HostError('Stopping', 'the daemon is stopping: try again after its restart', { status: 503 }),
};
