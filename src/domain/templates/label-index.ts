import type { Template, TemplateLabel } from '../../api/kinds.ts';
import { keyOf } from '../../base/object.ts';
import { labelTest, namedTemplates } from './label.ts';

/** Which labels each template has, as `labelTest` says it of one, without asking it of each label and each template. */
export function labelsOf(
  labels: readonly TemplateLabel[],
  templates: readonly Template[],
): Map<Template, TemplateLabel[]> {
  const byKey = new Map(templates.map((template) => [keyOf(template), template]));
  const byNamespace = Map.groupBy(templates, ({ metadata }) => metadata.namespace);
  const found = new Map<Template, TemplateLabel[]>();
  for (const label of labels) {
    const named = namedTemplates(label).flatMap((key) => byKey.get(key) ?? []);
    const near = label.spec.selector === undefined ? [] : byNamespace.get(label.metadata.namespace);
    for (const template of [...new Set([...named, ...(near ?? [])])].filter(labelTest(label))) {
      const list = found.get(template) ?? [];
      found.set(template, list);
      list.push(label);
    }
  }
  return found;
}
