import { expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { Pace } from './pace.ts';

it('says nothing before it knows something, then the rate and what is left', async () => {
  const clock = createFakeClock();
  const pace = new Pace(clock, 1000);
  expect(pace.forecast(1000, 10_000)).toEqual({});
  await clock.advance(2000);
  expect(pace.forecast(3000, 10_000)).toEqual({ bytesPerSecond: 1000, secondsLeft: 7 });
  expect(pace.forecast(3000, undefined)).toEqual({ bytesPerSecond: 1000 });
});

it('forgets what was long ago', async () => {
  const clock = createFakeClock();
  const pace = new Pace(clock, 0);
  for (let bytes = 0; bytes < 5; bytes += 1) {
    await clock.advance(10_000);
    pace.forecast(1_000_000, 2_000_000);
  }
  expect(pace.forecast(1_000_000, 2_000_000)).toEqual({ bytesPerSecond: 0 });
  await clock.advance(5000);
  expect(pace.forecast(1_010_000, 2_000_000)).toMatchObject({ bytesPerSecond: 667 });
});

it('never says that the end was passed', async () => {
  const clock = createFakeClock();
  const pace = new Pace(clock, 100);
  await clock.advance(1000);
  expect(pace.forecast(300, 200)).toEqual({ bytesPerSecond: 200, secondsLeft: 0 });
  // The source began again.
  expect(pace.forecast(0, 200)).toEqual({ bytesPerSecond: 0 });
});
