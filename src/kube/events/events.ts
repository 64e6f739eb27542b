import type { Logger } from 'pino';
import type { Clock, Random } from '../../base/clock.ts';
import type { KubeObject } from '../../base/object.ts';
import { isNotFound } from '../api-error.ts';
import type { KubeClient } from '../client/client.ts';
import { EVENTS, eventTime, type KubeEvent, newEvent, type Occurrence } from './event-record.ts';
import { createTokenBuckets } from './token-bucket.ts';

/**
 * Records what happened to an object, for people (`kubectl describe`, `kubectl events`). Recording never blocks and never throws.
 * Events may be lost when the API server cannot take them: nothing may depend on them.
 */
export interface EventRecorder {
  record(about: KubeObject, occurrence: Occurrence): void;
  /** Resolves when every recorded Event is written or dropped. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The reporting program, and which of its instances. */
  readonly component: string;
  readonly instance: string;
}

/** Per object 25 at once, then one a minute, so that a flapping object does not flood the API server. */
const perObject = { burst: 25, refillMs: 60_000, maxKeys: 4096 };
/** An Event that repeats within this time increases the count of the existing one. */
const repeatMs = 600_000;
/** At most this many Events wait for a slow API server; more are dropped. */
const maxPending = 1000;
const maxRemembered = 4096;
const writeTimeoutMs = 10_000;

/** One Event that is written, or waits to be written, with its repeats. */
interface Series {
  event: KubeEvent;
  isWritten: boolean;
  lastAt: number;
}

/** A recorder that writes one Event at a time, in the background. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock, log } = options;
  const buckets = createTokenBuckets(clock, perObject);
  const remembered = new Map<string, Series>();
  const pending = new Map<string, Series>();
  let writer: Promise<void> | undefined;

  const drain = async () => {
    for (let next = pending.entries().next(); next.done !== true; next = pending.entries().next()) {
      const [key, series] = next.value;
      pending.delete(key);
      try {
        await write(options.client, series);
      } catch (error) {
        remembered.delete(key);
        log.warn({ err: error, reason: series.event.reason }, 'an Event could not be written');
      }
    }
    writer = undefined;
  };
  const record = (about: KubeObject, occurrence: Occurrence) => {
    if (!buckets.take(`${about.kind}/${about.metadata.uid ?? about.metadata.name}`)) {
      log.debug({ object: about.metadata.name, ...occurrence }, 'too many Events about one object: dropped');
      return;
    }
    const key = seriesKey(about, occurrence);
    const series = nextInSeries(options, remembered.get(key), about, occurrence);
    remember(remembered, key, series);
    if (pending.size >= maxPending && !pending.has(key)) {
      log.warn({ object: about.metadata.name, ...occurrence }, 'too many Events wait to be written: dropped');
      return;
    }
    pending.set(key, series);
    writer ??= drain();
  };

  return {
    record: (about, occurrence) => {
      try {
        record(about, occurrence);
      } catch (error) {
        log.error({ err: error }, 'an Event could not be recorded');
      }
    },
    flush: async () => {
      await writer;
    },
  };
}

function seriesKey(about: KubeObject, { type, reason, message }: Occurrence): string {
  return JSON.stringify([about.kind, about.metadata.uid ?? about.metadata.name, type, reason, message]);
}

/** Increases the count of the existing Event, or begins a new one. */
function nextInSeries(
  { clock, random, component, instance }: EventRecorderOptions,
  known: Series | undefined,
  about: KubeObject,
  occurrence: Occurrence,
): Series {
  const now = clock.now();
  const at = clock.monotonic();
  if (known !== undefined && at - known.lastAt <= repeatMs) {
    known.event = { ...known.event, count: known.event.count + 1, lastTimestamp: eventTime(now) };
    known.lastAt = at;
    return known;
  }
  const suffix = `${now.toString(16)}${Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')}`;
  return {
    event: newEvent(about, occurrence, { component, instance }, now, suffix),
    isWritten: false,
    lastAt: at,
  };
}

function remember(remembered: Map<string, Series>, key: string, series: Series): void {
  remembered.delete(key);
  remembered.set(key, series);
  const [oldest] = remembered.keys();
  if (remembered.size > maxRemembered && oldest !== undefined) {
    remembered.delete(oldest);
  }
}

async function write(client: EventRecorderOptions['client'], series: Series): Promise<void> {
  const { event } = series;
  const { name, namespace } = event.metadata;
  const call = { timeoutMs: writeTimeoutMs };
  if (series.isWritten) {
    try {
      const { count, lastTimestamp } = event;
      await client.patch(EVENTS, { name, namespace }, { count, lastTimestamp }, call);
      return;
    } catch (error) {
      // API servers delete Events after an hour or so. Then it is created again.
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
  await client.create(EVENTS, event, call);
  series.isWritten = true;
}
