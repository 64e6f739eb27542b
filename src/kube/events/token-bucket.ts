import type { Clock } from '../../base/clock.ts';

/** A rate limit for each key: `burst` at once, and then one every `refillMs`. */
export interface TokenBuckets {
  /** Takes a token of the key; false when there is none. */
  take(key: string): boolean;
}

/** Buckets for at most `maxKeys` keys. Beyond that the least recently used one is dropped, and so starts full next time. */
export function createTokenBuckets(
  clock: Clock,
  {
    burst,
    refillMs,
    maxKeys,
  }: { readonly burst: number; readonly refillMs: number; readonly maxKeys: number },
): TokenBuckets {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take: (key) => {
      const now = clock.monotonic();
      const bucket = buckets.get(key) ?? { tokens: burst, at: now };
      bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs);
      bucket.at = now;
      buckets.delete(key);
      buckets.set(key, bucket);
      const [oldest] = buckets.keys();
      if (buckets.size > maxKeys && oldest !== undefined) {
        buckets.delete(oldest);
      }
      if (bucket.tokens < 1) {
        return false;
      }
      bucket.tokens -= 1;
      return true;
    },
  };
}
