/** Checks names that become paths or arguments in a guest, before a plan is made of them. */
import { ServiceRequestError } from './errors.ts';
import type { PackageFacts, ServiceRequest } from './types.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_LENGTH = 63;
const FILE_NAME_LENGTH = 255;
/** What an installation itself puts beside a package's files. */
const RESERVED = '.coppice-';
const PATH_SEGMENT = /^[A-Za-z0-9._~-]+$/;
const ARCHIVE_EXTENSION = /\.(tar\.gz|tgz|tar|zip|[a-z0-9]+)$/i;

/** Whether the text is a DNS label, as the names of hosts and services and the hostnames of guests must be. */
export function isLabel(text: string): boolean {
  return text.length <= LABEL_LENGTH && LABEL.test(text);
}

/**
 * The service's name (SO-MVDS section 5: it "exists in its description file"; users can also put it in the parameters). It comes
 * from the parameters, else from service.json, else from the package's file name without extension, else from the deployment.
 */
export function serviceNameOf({ parameters, package: facts, serviceName }: ServiceRequest): string {
  requireServiceName(serviceName, 'the name of the service in the deployment');
  if (parameters.serviceName !== undefined) {
    return requireServiceName(parameters.serviceName, 'parameters.serviceName');
  }
  const described = describedName(facts);
  if (described !== undefined) return requireServiceName(described, 'the name in service.json');
  return (facts.kind === 'archive' ? nameFromFile(facts.fileName) : undefined) ?? serviceName;
}

/** Refuses a package whose files could be written outside the directory for them. */
export function requireSafePackage(facts: PackageFacts): void {
  if (facts.kind === 'files') for (const file of facts.files) requireRelativePath(file.name);
  if (facts.kind === 'archive') {
    requireRelativePath(facts.fileName);
    if (facts.fileName.includes('/')) throw unsafe(facts.fileName, 'it must not contain a slash');
  }
}

/** A path as in URLs: absolute, no empty, `.` or `..` segments, no slash at the end but in `/` itself. */
export function normalisePath(path: string, what: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  for (const segment of segments) {
    if (segment === '.' || segment === '..' || !PATH_SEGMENT.test(segment)) {
      throw new ServiceRequestError(
        'InvalidPath',
        `${what} "${path}" is not a plain path: use segments of letters, digits, dots, dashes, underscores and tildes`,
      );
    }
  }
  return `/${segments.join('/')}`;
}

function describedName(facts: PackageFacts): string | undefined {
  const descriptor = facts.kind === 'none' ? undefined : facts.descriptor;
  if (descriptor === undefined) return undefined;
  if (typeof descriptor !== 'object' || descriptor === null || Array.isArray(descriptor)) {
    throw new ServiceRequestError(
      'InvalidServiceDescription',
      'service.json in the package is not a JSON object',
    );
  }
  if (!('name' in descriptor)) return undefined;
  if (typeof descriptor.name !== 'string') {
    throw new ServiceRequestError(
      'InvalidServiceDescription',
      'name in service.json of the package is not a string',
    );
  }
  return descriptor.name;
}

/** `My Shop_2.tar.gz` becomes `my-shop-2`; undefined when nothing usable is left. */
function nameFromFile(fileName: string): string | undefined {
  const name = fileName
    .replace(ARCHIVE_EXTENSION, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, LABEL_LENGTH)
    .replace(/^-|-$/g, '');
  return isLabel(name) ? name : undefined;
}

function requireServiceName(name: string, what: string): string {
  if (isLabel(name)) return name;
  throw new ServiceRequestError(
    'InvalidServiceName',
    `${what} is "${name}": use at most ${LABEL_LENGTH} lower-case letters, digits and dashes, no dash at either end`,
  );
}

function requireRelativePath(name: string): void {
  if (name.length > FILE_NAME_LENGTH) throw unsafe(name, `it is longer than ${FILE_NAME_LENGTH} characters`);
  if (name.split('/').some((part) => Buffer.byteLength(part) > FILE_NAME_LENGTH)) {
    throw unsafe(name, `a part of it takes more than ${FILE_NAME_LENGTH} bytes`);
  }
  if (name.startsWith(RESERVED)) throw unsafe(name, `names that begin with ${RESERVED} are Coppice's own`);
  if (name.startsWith('/')) throw unsafe(name, 'it must be relative to the package');
  if (name.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw unsafe(name, 'it must not have empty parts or the parts . and ..');
  }
  for (const character of name) {
    if (character < ' ' || character === '\u007f') throw unsafe(name, 'it has control characters');
  }
}

function unsafe(name: string, why: string): ServiceRequestError {
  return new ServiceRequestError(
    'UnsafeFileName',
    `file name ${JSON.stringify(name)} in the package: ${why}`,
  );
}
