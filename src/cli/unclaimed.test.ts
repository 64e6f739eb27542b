import { expect, it } from 'vitest';
import { aReport } from '../../test/builders/reports.ts';
import { chooseUnclaimed } from './unclaimed.ts';

const [first, second] = [aReport({ uuid: 'uuid-1' }), aReport({ uuid: 'uuid-2' })];

it('asks for the uuid when two have the name', () => {
  const claims = { claimed: [aReport({ uuid: 'uuid-3' })], unclaimed: [first, second] };
  expect(() => chooseUnclaimed('host-a', 'default/web-0', claims)).toThrow('by its uuid: uuid-1, uuid-2');
  expect(chooseUnclaimed('host-a', 'uuid-2', claims)).toBe(second);
  expect(() => chooseUnclaimed('host-a', 'uuid-3', claims)).toThrow('kubectl delete');
});
