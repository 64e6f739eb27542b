import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { createExpectations } from './expectations.ts';

describe('expectations', () => {
  it('are satisfied when nothing is expected', () => {
    expect(createExpectations(createFakeClock()).satisfied('shop')).toBe(true);
  });

  it('are satisfied when every creation and deletion was seen, in any order', () => {
    const expectations = createExpectations(createFakeClock());
    expectations.expectCreations('shop', ['web-0', 'web-1']);
    expectations.expectDeletions('shop', ['uid-9']);
    for (const observe of [
      () => expectations.creationObserved('shop', 'web-1'),
      () => expectations.deletionObserved('shop', 'uid-9'),
    ]) {
      observe();
      expect(expectations.satisfied('shop')).toBe(false);
    }
    expectations.creationObserved('shop', 'web-0');
    expect(expectations.satisfied('shop')).toBe(true);
  });

  it('are not met by the same creation twice, or by one that nobody expected', () => {
    const expectations = createExpectations(createFakeClock());
    expectations.expectCreations('shop', ['web-0', 'web-1']);
    expectations.creationObserved('shop', 'web-0');
    expectations.creationObserved('shop', 'web-0');
    expectations.creationObserved('shop', 'other');
    expect(expectations.satisfied('shop')).toBe(false);
  });

  it('of different keys are independent', () => {
    const expectations = createExpectations(createFakeClock());
    expectations.expectCreations('shop', ['web-0']);
    expectations.creationObserved('blog', 'web-0');
    expect([expectations.satisfied('shop'), expectations.satisfied('blog')]).toEqual([false, true]);
  });

  it('expire, since an event must have been missed then', async () => {
    const clock = createFakeClock();
    const expectations = createExpectations(clock, 1000);
    expectations.expectCreations('shop', ['web-0']);
    await clock.advance(1000);
    expect(expectations.satisfied('shop')).toBe(false);
    await clock.advance(1);
    expect(expectations.satisfied('shop')).toBe(true);
  });

  it('expire only after the last one', async () => {
    const clock = createFakeClock();
    const expectations = createExpectations(clock, 1000);
    expectations.expectCreations('shop', ['web-0']);
    await clock.advance(900);
    expectations.expectDeletions('shop', ['uid-9']);
    await clock.advance(900);
    expect(expectations.satisfied('shop')).toBe(false);
  });

  it('are dropped with their object', () => {
    const expectations = createExpectations(createFakeClock());
    expectations.expectCreations('shop', ['web-0']);
    expectations.forget('shop');
    expect(expectations.satisfied('shop')).toBe(true);
  });
});
