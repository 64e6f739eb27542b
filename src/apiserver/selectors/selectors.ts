import { type FieldSelector, parseFieldSelector } from './field-selector.ts';
import { type LabelMatcher, parseLabelSelector } from './label-selector.ts';

/** The label and field selectors of a request, which choose objects of a collection. */
export interface Selectors {
  /** Undefined when every object's labels match. */
  readonly labels: LabelMatcher | undefined;
  readonly fields: FieldSelector;
}

/** The selectors of a query; throws 400 when one is malformed. */
export function selectorsOf(query: URLSearchParams): Selectors {
  return {
    labels: parseLabelSelector(query.get('labelSelector') ?? undefined),
    fields: parseFieldSelector(query.get('fieldSelector') ?? ''),
  };
}
