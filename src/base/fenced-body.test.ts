import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { fencedBody } from './fenced-body.ts';

describe('a fenced body', () => {
  it.each([
    ['text', 'hällo', 'hällo'],
    ['bytes', Buffer.from('hällo'), 'hällo'],
    ['nothing', undefined, ''],
  ])('calls beforeSend once, when its %s is read and not before', async (_name, content, expected) => {
    const beforeSend = vi.fn();
    const body = fencedBody(content, beforeSend);
    expect(beforeSend).not.toHaveBeenCalled();
    expect(await text(body)).toBe(expected);
    expect(beforeSend).toHaveBeenCalledTimes(1);
  });

  it('gives none of its content when beforeSend throws', async () => {
    const body = fencedBody('secret', () => {
      throw new Error('not the leader');
    });
    const received: unknown[] = [];
    body.on('data', (chunk) => received.push(chunk));
    await expect(new Promise((_, reject) => body.once('error', reject))).rejects.toThrow('not the leader');
    expect(received).toEqual([]);
  });
});
