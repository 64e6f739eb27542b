import type { Template, TemplateFollow, TemplateLabel } from '../../api/kinds.ts';
import { keyOf, parseKey } from '../../base/object.ts';
import { isEmptySelector, matchesSelector } from '../selector.ts';
import { isSharedWith } from './sharing.ts';

/** A person, and a namespace in which that person works. */
export interface Viewer {
  readonly user: string;
  readonly namespace: string | undefined;
}

/** Whether a person finds the label, and may follow it (SO-MVDS 3.2; `spec.visibility`). */
export function isLabelVisible({ metadata, spec }: TemplateLabel, { user, namespace }: Viewer): boolean {
  switch (spec.visibility) {
    case 'Private':
      return spec.owner === user;
    case 'Namespace':
      return spec.owner === user || metadata.namespace === namespace;
    case 'Cluster':
      return true;
  }
}

/** Whether tasks of a namespace may ask for a template by the label. A task belongs to its namespace, not to a person. */
export function mayBeAskedFor({ metadata, spec }: TemplateLabel, namespace: string | undefined): boolean {
  return metadata.namespace === namespace || spec.visibility === 'Cluster';
}

/** namespace/name of each template in the label's `spec.templates`, in their order. */
export function namedTemplates({ metadata, spec }: TemplateLabel): string[] {
  return (spec.templates ?? []).map((text) => keyOf({ namespace: metadata.namespace, ...parseKey(text) }));
}

/** The test of whether a template has the label: it is named, or of the label's namespace and matches, and may be used there. */
export function labelTest(label: TemplateLabel): (template: Template) => boolean {
  const named = new Set(namedTemplates(label));
  const { namespace } = label.metadata;
  const { selector } = label.spec;
  const isSelected = ({ metadata }: Template) =>
    metadata.namespace === namespace &&
    selector !== undefined &&
    !isEmptySelector(selector) &&
    matchesSelector(selector, metadata.labels ?? {});
  return (template) =>
    (named.has(keyOf(template)) || isSelected(template)) && isSharedWith(template, namespace);
}

/** The templates that have the label. */
export function templatesOf(label: TemplateLabel, templates: readonly Template[]): Template[] {
  return templates.filter(labelTest(label));
}

/**
 * Those of `spec.templates` that the label's namespace may not use: what is not shared with it looks like what does not exist.
 * @param found what {@link templatesOf} gives
 */
export function missingTemplates(label: TemplateLabel, found: readonly Template[]): string[] {
  const keys = new Set(found.map((template) => keyOf(template)));
  return namedTemplates(label).filter((key) => !keys.has(key));
}

/** How many people follow a label that is visible to them. @param follows those that have the label's key */
export function countFollowers(label: TemplateLabel, follows: readonly TemplateFollow[]): number {
  const seeing = follows.filter(({ metadata, spec }) =>
    isLabelVisible(label, { user: spec.user, namespace: metadata.namespace }),
  );
  return new Set(seeing.map(({ spec }) => spec.user)).size;
}
