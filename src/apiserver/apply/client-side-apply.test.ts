import { describe, expect, it } from 'vitest';
import { Story } from './testing/story.ts';

// What is expected here was seen on kube-apiserver 1.36, with the same schema and the same sequences.

describe('kubectl going from client-side to server-side apply', () => {
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const last = `${JSON.stringify({ apiVersion: 'fix.dev/v1', kind: 'Thing', metadata: { name: 't' }, spec: { level: 1, mode: 'A' } })}\n`;

  function story(): Story {
    const spec = { mode: 'A', level: 1 };
    return new Story().update('kubectl-client-side-apply', {
      metadata: { annotations: { [annotation]: last } },
      spec,
    });
  }

  it('takes over what it had applied, and keeps the annotation in step', () => {
    const migrated = story();
    expect(migrated.apply('kubectl', { spec: { mode: 'B' } })).toEqual([]);
    expect(migrated.spec).toEqual({ mode: 'B', level: 1 });
    expect(JSON.parse(migrated.live?.metadata.annotations?.[annotation] ?? '')).toEqual({
      apiVersion: 'fix.dev/v1',
      kind: 'Thing',
      metadata: { name: 't', namespace: 'default' },
      spec: { mode: 'B' },
    });
  });

  it('does not take over what someone else changed since', () => {
    const changed = story().update('ctl', { spec: { mode: 'A', level: 2 } });
    expect(changed.apply('kubectl', { spec: { mode: 'B', level: 3 } }).map(({ field }) => field)).toEqual([
      '.spec.level',
    ]);
  });

  it('is for kubectl alone', () => {
    expect(story().apply('other', { spec: { mode: 'B' } })).toHaveLength(1);
  });
});
