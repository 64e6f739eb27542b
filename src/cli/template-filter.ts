import type { Template, TemplateLabel } from '../api/kinds.ts';
import { labelSelectorOf } from '../apiserver/selectors/label-selector.ts';
import { keyOf, parseKey } from '../base/object.ts';
import { own } from '../base/own.ts';
import { matchesSelector } from '../domain/selector.ts';
import { labelTest } from '../domain/templates/label.ts';
import { noSuchLabel } from './label-access.ts';

/** What the texts of `--label` are read with. */
export interface FilterContext {
  readonly user: string;
  readonly namespace: string;
  /** Those that are visible to the user. */
  readonly labels: readonly TemplateLabel[];
  readonly templates: readonly Template[];
}

/** NAME or NAMESPACE/NAME: the form of a TemplateLabel's name, and of the key of a Kubernetes label. */
const NAME = /^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$/;

/**
 * The test of whether a template has the label that a text means: the TemplateLabel of that name, if there is one; else a selector of
 * Kubernetes labels, such as `tier=base` or `tier`. A name that is neither is refused: a mistyped one would look like no templates.
 */
export function filterOf(text: string, context: FilterContext): (template: Template) => boolean {
  const { user, namespace, labels, templates } = context;
  const isName = NAME.test(text);
  if (isName) {
    const key = keyOf({ namespace, ...parseKey(text) });
    const label = labels.find((one) => keyOf(one) === key);
    if (label !== undefined) return labelTest(label);
    const isKnown = templates.some(({ metadata }) => own(metadata.labels, text) !== undefined);
    if (!isKnown) throw noSuchLabel(key, user);
  }
  const selector = labelSelectorOf(text);
  return ({ metadata }) => matchesSelector(selector, metadata.labels ?? {});
}
