import type { ServerResponse } from 'node:http';
import type { Backend, ResourceRequest } from '../handlers/context.ts';
import { listRevision } from '../handlers/options.ts';
import { limitOf, readDeeply, select } from '../handlers/read.ts';
import { selectionOf } from '../handlers/selection.ts';
import { streamTypeOf } from '../http/negotiate.ts';
import { isTrue } from '../http/request-info.ts';
import { setWarnings } from '../http/respond.ts';
import { expired } from '../status-errors.ts';
import { EventWriter } from './event-writer.ts';
import type { WatchHub } from './watch-hub.ts';
import { WatchSource } from './watch-source.ts';
import { WatchStream } from './watch-stream.ts';

/** Settings of watches. */
export interface WatchSetup {
  readonly hub: WatchHub;
  /** Milliseconds between bookmarks. */
  readonly bookmarkInterval: number;
  /** Random numbers from 0 to 1. */
  random(): number;
}

const MIN_TIMEOUT_MS = 30 * 60 * 1000;
const STALL_MS = 60 * 1000;

/** The requested time-out, or a random one between half an hour and an hour, so that clients do not all return at once. */
function timeoutOf(query: URLSearchParams, random: number): number {
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  if (Number.isFinite(seconds) && seconds > 0) return Math.min(seconds * 1000, 2 ** 31 - 1);
  return MIN_TIMEOUT_MS * (1 + random);
}

function sourceOf(backend: Backend, request: ResourceRequest): WatchSource | 'expired' {
  const { resource, query } = request;
  const { store } = backend;
  limitOf(query);
  const selection = selectionOf(request);
  const { revision } = readDeeply(() => listRevision(query, true));
  const initial = query.get('sendInitialEvents');
  const wantsInitial = initial === null ? revision === undefined : isTrue(initial);
  if (wantsInitial) {
    return new WatchSource(
      store,
      resource.bucket,
      selection,
      select(backend, request, selection),
      store.revision,
    );
  }
  const position = revision ?? store.revision;
  if (position < store.compactedRevision) return 'expired';
  return new WatchSource(store, resource.bucket, selection, [], position);
}

/** The initial list must be durable before it is sent: it is read again when a write that is in it has failed. */
async function durableSource(
  backend: Backend,
  request: ResourceRequest,
): Promise<ReturnType<typeof sourceOf>> {
  for (;;) {
    const source = sourceOf(backend, request);
    const durable = await backend.store.committed().then(
      () => true,
      () => false,
    );
    if (durable) return source;
  }
}

/** GET with `watch`: streams events until the client disconnects, the time-out passes or the server stops. */
export async function handleWatch(
  backend: Backend,
  setup: WatchSetup,
  request: ResourceRequest,
  response: ServerResponse,
): Promise<void> {
  const { resource, query, warnings } = request;
  const source = await durableSource(backend, request);
  const writer = new EventWriter(request, () => backend.now());
  setWarnings(response, warnings);
  response.writeHead(200, {
    'Content-Type': streamTypeOf(request.accept.format),
    'Cache-Control': 'no-cache, private',
  });
  response.flushHeaders();
  if (source === 'expired') {
    const asked = query.get('resourceVersion');
    const { status } = expired(`too old resource version: ${asked} (${backend.store.compactedRevision})`);
    response.end(writer.error(status));
    return;
  }
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const announceInitialEnd = bookmarks && isTrue(query.get('sendInitialEvents'));
  const times = {
    timeout: timeoutOf(query, setup.random()),
    bookmark: setup.bookmarkInterval,
    stall: STALL_MS,
  };
  const stream = new WatchStream(response, source, writer, { bookmarks, announceInitialEnd }, times);
  setup.hub.add(resource.bucket, stream);
  response.on('close', () => setup.hub.remove(resource.bucket, stream));
  stream.wake();
  // While the request waited, the kind may have gone, and the hub ended the watches that it knew.
  if (backend.registry.ofBucket(resource.bucket) === undefined) stream.end();
}
