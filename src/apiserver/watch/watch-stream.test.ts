import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { EventWriter } from './event-writer.ts';
import type { WatchSource } from './watch-source.ts';
import { WatchStream } from './watch-stream.ts';

it('writes nothing more once a bookmark’s look has found that the watch is too far behind', async () => {
  const said: string[] = [];
  const response = Object.assign(new EventEmitter(), {
    writableLength: 0,
    write: (text: string) => said.push(text),
    end: () => said.push('end'),
  });
  let isExpired = false;
  const source = { position: '1', initialPending: false, next: () => (isExpired ? 'expired' : undefined) };
  const writer = { event: () => 'event', bookmark: () => 'bookmark', error: () => 'error' };
  const stream = new WatchStream(
    response as unknown as ServerResponse,
    source as unknown as WatchSource,
    writer as unknown as EventWriter,
    { bookmarks: true, announceInitialEnd: false },
    { timeout: 60_000, bookmark: 5, stall: 60_000 },
  );
  isExpired = true;
  await delay(50);
  stream.end();
  expect(said).toEqual(['error', 'end']);
});
