import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { createExpectations } from './expectations.ts';

describe('expectations', () => {
  it('are satisfied when nothing is expected', () => {
    expect(createExpectations(createFakeClock()).satisfied('shop')).toBe(true);
  });

  it('are satisfied when each creation and deletion was seen, in any order', () => {
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

  it('keep their keys apart', () => {
    const expectations = createExpectations(createFakeClock());
    expectations.expectCreations('shop', ['web-0']);
    expectations.creationObserved('blog', 'web-0');
    expect([expectations.satisfied('shop'), expectations.satisfied('blog')]).toEqual([false, true]);
  });

  it('end after their life, when an event must have been missed', async () => {
    const clock = createFakeClock();
    const expectations = createExpectations(clock, 1000);
    expectations.expectCreations('shop', ['web-0']);
    await clock.advance(1000);
    expect(expectations.satisfied('shop')).toBe(false);
    await clock.advance(1);
    expect(expectations.satisfied('shop')).toBe(true);
  });

  it('live anew from the last thing expected', async () => {
    const clock = createFakeClock();
    const expectations = createExpectations(clock, 1000);
    expectations.expectCreations('shop', ['web-0']);
    await clock.advance(900);
    expectations.expectDeletions('shop', ['uid-9']);
    await clock.advance(900);
    expect(expectations.satisfied('shop')).toBe(false);
  });

  it('end with the object that they are about', () => {
    const expectations = createExpectations(createFakeClock());
    expectations.expectCreations('shop', ['web-0']);
    expectations.forget('shop');
    expect(expectations.satisfied('shop')).toBe(true);
  });
});
