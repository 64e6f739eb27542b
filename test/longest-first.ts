import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Short files whose tests take minutes, the longest first: begun last, each would keep one processor busy and leave the other idle. */
const LONG = [
  'from-image-to-recall.test.ts',
  'scenarios.test.ts',
  'template-faults.test.ts',
  'survival.test.ts',
  'chaos.test.ts',
  'differential.test.ts',
  'stalls.test.ts',
  'leaders.test.ts',
];

/** Where nothing is known of earlier runs, as in a fresh checkout, Vitest takes the largest files first; this knows better. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const byProject = Map.groupBy(await super.sort(files), ({ project }) => project);
    return [...byProject.values()].flatMap((those) => those.sort((a, b) => rank(a) - rank(b)));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const index = LONG.indexOf(basename(moduleId));
  return index < 0 ? LONG.length : index;
}
