import type { Template } from '../../../src/api/kinds.ts';
import { aTemplate } from '../../builders/objects.ts';

export const NAMESPACE = 'default';
export const TEMPLATES = 10_000;
export const SERIES = 500;
const DAY_MS = 24 * 60 * 60 * 1000;
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Many templates in many series, most of them used at some time. The older half of each series has versions that are no semver. */
export function catalogue(): readonly Template[] {
  return Array.from({ length: TEMPLATES }, (_, index) => templateOf(index));
}

export function seriesName(index: number): string {
  return `series-${String(index % SERIES).padStart(3, '0')}`;
}

function templateOf(index: number): Template {
  const generation = Math.floor(index / SERIES);
  const version = generation < TEMPLATES / SERIES / 2 ? `6.${generation}-${index % 7}` : `7.${generation}.0`;
  const series = seriesName(index);
  const name = `${series}-${generation}`;
  const lastUsedTime = new Date(EPOCH_MS + ((index * 7919) % 365) * DAY_MS).toISOString();
  return aTemplate({
    metadata: {
      name,
      namespace: NAMESPACE,
      uid: `uid-${name}`,
      labels: { series, tier: index % 2 === 0 ? 'a' : 'b' },
    },
    spec: { series, version },
    status: {
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Imported',
          message: 'its layers are on hosts',
          lastTransitionTime: new Date(EPOCH_MS).toISOString(),
        },
      ],
      ...(index % 5 === 0 ? {} : { lastUsedTime }),
    },
  });
}
