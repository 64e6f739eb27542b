import { describe, expect, it } from 'vitest';
import { parseDomains } from '../xl/parse.ts';
import { DOMAIN_ZERO, LIST_HEADER } from '../xl/testing/recorded.ts';
import { conditionOf } from './domains.ts';

/** A domain parsed from a line with this state. */
function domainWith(state: string) {
  const line = `web 5   128     1     ${state}  12.7 00000000-0000-4000-8000-000000000002        -                -\n`;
  const [, domain] = parseDomains(LIST_HEADER + DOMAIN_ZERO + line);
  if (domain === undefined) throw new Error('no domain was found');
  return domain;
}

describe('the state of a VM', () => {
  it.each([
    ['r-----', 'Running'],
    ['-b----', 'Running'],
    ['------', 'Running'],
    ['--p---', 'Paused'],
    ['---s--', 'Stopped'],
    ['---sr-', 'Stopped'],
    ['---ss-', 'Paused'],
    ['---sc-', 'Crashed'],
    ['---sw-', 'Crashed'],
    ['---s?-', 'Crashed'],
    ['-----d', 'Crashed'],
  ])('for a domain in state %s is %s', (state, expected) => {
    expect(conditionOf(domainWith(state)).state).toBe(expected);
  });

  it('comes with a problem after a reboot and a panic', () => {
    expect(conditionOf(domainWith('---sr-')).problem?.reason).toBe('GuestRebooted');
    expect(conditionOf(domainWith('---sc-')).problem?.reason).toBe('GuestPanicked');
  });
});
