import { noRepresentation, notAcceptable } from '../status-errors.ts';
import { type MediaRange, mediaRanges } from './accept-header.ts';

/** How an answer is written. */
export type Format = 'json' | 'yaml' | 'protobuf';

/** What the client wants in place of the object. */
type Transform = (typeof TRANSFORMS)[number];

/** The form in which the client accepts objects. */
export interface Accepted {
  readonly format: Format;
  readonly as: Transform | undefined;
  /** apiVersion of the transformed object: `meta.k8s.io/v1`, or v1beta1 for old clients. */
  readonly apiVersion: string;
}

/** What a request asks, as far as it decides about the form of its answer. */
interface Asked {
  readonly verb: string;
  readonly name: string | undefined;
  /** Of custom resources, only metadata are served as protobuf; reviews have no table. */
  readonly about: 'built-in' | 'custom' | 'review';
}

const TRANSFORMS = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'] as const;

/** In the order in which wildcards choose. */
const FORMATS: readonly Format[] = ['json', 'yaml', 'protobuf'];
const SUBTYPES = { json: 'json', yaml: 'yaml', protobuf: 'vnd.kubernetes.protobuf' } as const;

/** The media type of a format. */
export function mediaTypeOf(format: Format): string {
  return `application/${SUBTYPES[format]}`;
}

/** The media type of a watch in that format. */
export function streamTypeOf(format: Format): string {
  return format === 'json' ? mediaTypeOf(format) : `${mediaTypeOf(format)};stream=watch`;
}

const MEDIA_TYPES = FORMATS.map(mediaTypeOf);
const STREAM_TYPES = [mediaTypeOf('json'), mediaTypeOf('protobuf')].map((type) => `${type};stream=watch`);

function fits({ type, subtype }: MediaRange, format: Format): boolean {
  if (type === '*') return subtype === '*';
  return type === 'application' && (subtype === '*' || subtype === SUBTYPES[format]);
}

/** `as`, `g` and `v` of a range; undefined where the range names none of them. */
function transformOf({ parameters }: MediaRange): { as: string; apiVersion: string } | undefined {
  const [as, g, v] = ['as', 'g', 'v'].map((key) => parameters.get(key));
  if (as === undefined && g === undefined && v === undefined) return undefined;
  return { as: as ?? '', apiVersion: `${g ?? ''}/${v ?? ''}` };
}

function isStream({ parameters }: MediaRange, format: Format): boolean {
  const stream = parameters.get('stream');
  return stream === undefined || (stream === 'watch' && format !== 'yaml');
}

function acceptedBy(range: MediaRange, format: Format, about: Asked['about']): Accepted | undefined {
  if (!fits(range, format) || !isStream(range, format)) return undefined;
  if ((range.parameters.get('sv') ?? 'v1') !== 'v1') return undefined;
  const wanted = transformOf(range);
  if (wanted === undefined) {
    return about === 'custom' && format === 'protobuf'
      ? undefined
      : { format, as: undefined, apiVersion: '' };
  }
  const as = TRANSFORMS.find((name) => name === wanted.as);
  const { apiVersion } = wanted;
  if (as === undefined || !['meta.k8s.io/v1', 'meta.k8s.io/v1beta1'].includes(apiVersion)) return undefined;
  const hasTable = format !== 'protobuf' && about !== 'review';
  return as === 'Table' && !hasTable ? undefined : { format, as, apiVersion };
}

/** The first that fits, of the ranges by preference and of the formats in their order. */
function first<Found>(
  accept: string,
  find: (range: MediaRange, format: Format) => Found | undefined,
): Found | undefined {
  for (const range of mediaRanges(accept)) {
    for (const format of FORMATS) {
      const found = find(range, format);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The router before the handlers of built-in kinds knows no wildcard but that for everything, and no parameters. */
function checkRoute(accept: string, produced: readonly string[]): void {
  const types = accept.split(',').map((range) => (range.split(';')[0] ?? '').trim());
  if (types.some((type) => type === '*/*' || produced.includes(type))) return;
  throw noRepresentation(produced);
}

/** The form of the answer; throws 406 where the client accepts none that there is. */
export function negotiate(accept: string | undefined, { verb, name, about }: Asked): Accepted {
  const header = accept || '*/*';
  const isWatch = verb === 'watch';
  if (about !== 'custom') {
    const isList = name === undefined && (isWatch || verb === 'list');
    checkRoute(header, isList ? [...MEDIA_TYPES, ...STREAM_TYPES] : MEDIA_TYPES);
  }
  const found = first(header, (range, format) => acceptedBy(range, format, about));
  if (found === undefined) throw notAcceptable(MEDIA_TYPES);
  if (isWatch && found.format === 'yaml') throw notAcceptable(STREAM_TYPES);
  return found;
}

/** The format of an answer that is never transformed: of errors and of discovery. Undefined where the client accepts none. */
export function plainFormat(accept: string | undefined): Format | undefined {
  return first(accept || '*/*', (range, format) => {
    const fitting = fits(range, format) && isStream(range, format);
    return fitting && transformOf(range) === undefined && !range.parameters.has('sv') ? format : undefined;
  });
}

/** Throws 406 unless the client accepts JSON, named or by the wildcard for everything. */
export function requireJson(accept: string | undefined): void {
  checkRoute(accept || '*/*', [mediaTypeOf('json')]);
}

/** The format of a discovery document; throws 406. `isRouted` says whether kube's router stands before it. */
export function discoveryFormat(accept: string | undefined, isRouted: boolean): Format {
  if (isRouted) checkRoute(accept || '*/*', MEDIA_TYPES);
  const format = plainFormat(accept);
  if (format === undefined) throw notAcceptable(MEDIA_TYPES);
  return format;
}

/** Whether the client asks for discovery in its aggregated form. */
export function wantsAggregatedDiscovery(accept: string | undefined): boolean {
  return mediaRanges(accept ?? '').some((range) => {
    const wanted = transformOf(range);
    return (
      fits(range, 'json') &&
      wanted?.as === 'APIGroupDiscoveryList' &&
      wanted.apiVersion === 'apidiscovery.k8s.io/v2'
    );
  });
}
