import { own } from '../base/own.ts';

/**
 * The fields of metav1.LabelSelector. Both must match; an empty selector matches everything.
 */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

interface LabelSelectorRequirement {
  readonly key: string;
  /** In, NotIn, Exists or DoesNotExist. The CRDs refuse others; here others match nothing. */
  readonly operator: string;
  readonly values?: readonly string[];
}

type Labels = Readonly<Record<string, string>>;

/**
 * Whether the labels match the selector, by the API server's rules: NotIn also matches where the key is absent.
 */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels ?? {});
  return (
    equal.every(([key, value]) => own(labels, key) === value) &&
    (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels))
  );
}

/** Whether the selector has no requirement, and so matches everything. */
export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return true;
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  );
}

function holds(requirement: LabelSelectorRequirement, labels: Labels): boolean {
  const value = own(labels, requirement.key);
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
