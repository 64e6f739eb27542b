import { expect, it } from 'vitest';
import type { JsonSchema } from '../../../src/apiserver/types.ts';
import { fc, isLong, seed } from '../../fuzz.ts';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import { CRDS, post } from './differential/case.ts';
import { messageSchema, type Pick, ruledSchema } from './differential/cost-rules.ts';
import { useSides } from './differential/sides.ts';
import { type Line, transcript } from './differential/transcript.ts';

const DEFINITIONS = isLong ? 150 : 25;
const RULES = 20;

function definitionOf(properties: Record<string, JsonSchema>): object {
  const spec: JsonSchema = { type: 'object', properties };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'costs.made.example' },
    spec: {
      group: 'made.example',
      scope: 'Namespaced',
      names: { kind: 'Cost', plural: 'costs' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
        },
      ],
    },
  };
}

/** Which four of rules that cost the same are named is a matter of chance: Go finds them in any order. */
function withoutChance([line]: readonly Line[]): unknown {
  const { details, ...body } = (line?.body ?? {}) as {
    details?: { causes?: readonly { message: string }[] };
  };
  const causes = details?.causes?.filter(({ message }) => !message.includes('contributed to estimated'));
  return { ...line, body, causes };
}

await describeOnKubernetes(`what rules may cost, on both servers (seed ${seed})`, (programs) => {
  const sides = useSides(programs);

  it.each([
    ['rules', ruledSchema],
    ['messages', messageSchema],
  ] as const)('is estimated alike: %s', async (_, make) => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (chance) => {
        const pick: Pick = (...choices) => choices[chance(fc.nat, { max: choices.length - 1 })] as never;
        const rules = Array.from({ length: RULES }, (_, index) => [`f${index}`, make(pick)] as const);
        const one = {
          name: 'made',
          steps: [post(`${CRDS}?dryRun=All`, definitionOf(Object.fromEntries(rules)))],
        };
        const [ours, theirs] = await Promise.all([
          transcript(sides.embedded.api, one, 'default'),
          transcript(sides.kube.api, one, 'default'),
        ]);
        expect(withoutChance(ours)).toEqual(withoutChance(theirs));
        refused +=
          JSON.stringify(theirs).match(/estimated \w+ cost exceeds budget by factor of 1\./g)?.length ?? 0;
      }),
      { numRuns: DEFINITIONS, endOnFailure: true },
    );
    // Of rules that may cost enough, the answers show each unit.
    expect(refused).toBeGreaterThan((DEFINITIONS * RULES) / 4);
  });
});
