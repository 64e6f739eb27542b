import { describe, expect, it } from 'vitest';
import { summaryOf, templatesByUrl } from './sources.ts';

const problem = (reason: string, retryAt?: string) => ({
  problem: {
    reason,
    message: `https://secret.example has ${reason}`,
    ...(retryAt === undefined ? {} : { retryAt }),
  },
});

describe('the sources of a layer', () => {
  it('are its addresses, each once, with all who name it', () => {
    const others = [
      { url: 'https://b', template: 'ns/b' },
      { url: 'https://a', template: 'ns/c' },
      { url: 'https://a', template: 'ns/a' },
    ];
    expect([...templatesByUrl({ kind: 'disk', url: 'https://a', template: 'ns/a', others })]).toEqual([
      ['https://a', ['ns/a', 'ns/c']],
      ['https://b', ['ns/b']],
    ]);
  });
});

describe('what is wrong with a layer', () => {
  it('is nothing while one source may give it', () => {
    expect(summaryOf([])).toBeUndefined();
    expect(summaryOf([problem('SourceUnreachable'), { problem: undefined }])).toBeUndefined();
  });

  it('is the problem of its only source', () => {
    expect(summaryOf([problem('DigestMismatch')])?.message).toContain('secret.example');
  });

  it('has no addresses when there are several sources, and passes if one of them may', () => {
    const summary = summaryOf([
      problem('DigestMismatch'),
      problem('SourceUnreachable', '2026-01-01T00:00:00Z'),
    ]);
    expect(summary).toMatchObject({ reason: 'SourcesFailed', retryAt: '2026-01-01T00:00:00Z' });
    expect(summary?.message).toContain('DigestMismatch, SourceUnreachable');
    expect(summary?.message).not.toContain('secret.example');
    const same = summaryOf([problem('DigestMismatch'), problem('DigestMismatch')]);
    expect(same).toMatchObject({ reason: 'DigestMismatch' });
    expect(same).not.toHaveProperty('retryAt');
  });
});
