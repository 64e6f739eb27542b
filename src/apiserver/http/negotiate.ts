import { own } from '../../base/own.ts';
import { notAcceptable } from '../status-errors.ts';

/** The form in which the client accepts objects. */
export interface Accepted {
  readonly format: 'json' | 'yaml';
  readonly as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** apiVersion of the transformed object: `meta.k8s.io/v1`, or v1beta1 for old clients. */
  readonly apiVersion: string;
}

interface MediaRange {
  type: string;
  parameters: Record<string, string>;
}

const TRANSFORMS = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'] as const;
const SUPPORTED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const FORMATS: Readonly<Record<string, 'json' | 'yaml'>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
};

function ranges(accept: string): MediaRange[] {
  return accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const pairs = parameters.map((parameter) => parameter.split('=', 2) as [string, string]);
    return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
  });
}

function accepted({ type, parameters }: MediaRange): Accepted | undefined {
  const format = own(FORMATS, type);
  if (format === undefined) return undefined;
  const { as, g, v } = parameters;
  if (as === undefined) return { format, as: undefined, apiVersion: '' };
  const transform = TRANSFORMS.find((name) => name === as);
  if (transform === undefined || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  return { format, as: transform, apiVersion: `${g}/${v}` };
}

/** The first acceptable form that the server supports; throws 406 if there is none. */
export function negotiate(accept: string | undefined): Accepted {
  for (const range of ranges(accept || '*/*')) {
    const found = accepted(range);
    if (found !== undefined) return found;
  }
  throw notAcceptable(SUPPORTED);
}

/** Whether the client asks for discovery in its aggregated form. */
export function wantsAggregatedDiscovery(accept: string | undefined): boolean {
  return ranges(accept ?? '').some(({ type, parameters: { as, g, v } }) => {
    return (
      type === 'application/json' &&
      as === 'APIGroupDiscoveryList' &&
      g === 'apidiscovery.k8s.io' &&
      v === 'v2'
    );
  });
}
