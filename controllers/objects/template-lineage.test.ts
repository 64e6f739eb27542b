import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { aTemplate } from '../../test/builders/objects.ts';
import { layersBelow } from './template-lineage.ts';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const image = { url: 'https://example.com/disk', sha256: 'd'.repeat(64) };
const saved = { appliance: { name: 'web-0' } };

function below(template: Template, others: readonly Template[]) {
  return layersBelow(template, (key) => others.find((one) => keyOf(one) === key));
}

describe('the layers below a template', () => {
  const root = aTemplate({
    metadata: { name: 'root' },
    spec: { source: { image } },
    status: { layers: { disk: A } },
  });
  const onRoot = { namespace: 'default', name: 'root' };
  const middle = aTemplate({
    metadata: { name: 'middle' },
    spec: { source: saved },
    status: { parent: onRoot, layers: { disk: B } },
  });
  const leaf = aTemplate({
    metadata: { name: 'leaf', namespace: 'other' },
    spec: { source: { parent: { namespace: 'default', name: 'middle' } } },
    status: { layers: { disk: C } },
  });

  it('are those of its ancestors, the root first', () => {
    expect(below(leaf, [leaf, middle, root])).toEqual([A, B]);
    expect(below(root, [root])).toEqual([]);
  });

  it('end where an ancestor is not known, and in a circle', () => {
    expect(below(leaf, [leaf, middle])).toEqual([B]);
    const circle = aTemplate({
      ...root,
      status: { parent: { namespace: 'other', name: 'leaf' }, layers: { disk: A } },
    });
    expect(below(leaf, [leaf, middle, circle])).toEqual([A, B]);
  });
});
