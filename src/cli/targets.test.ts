import { describe, expect, it } from 'vitest';
import { parseTarget, parseTargets } from './targets.ts';

describe('what names appliances', () => {
  it.each(['', 'va/', 'VA/', 'virtualappliance/', 'virtualappliances/', 'virtualappliance.coppice.dev/'])(
    '%sNAME is an appliance',
    (prefix) =>
      expect(parseTarget(`${prefix}hello-web-0`)).toEqual({ kind: 'appliance', name: 'hello-web-0' }),
  );

  it.each(['sd/', 'servicedeployment/', 'servicedeployments/', 'servicedeployments.coppice.dev/'])(
    '%sNAME is a task',
    (prefix) => expect(parseTarget(`${prefix}hello`)).toEqual({ kind: 'task', name: 'hello' }),
  );

  it.each([
    ['pod/x', "'pod' is neither kind"],
    ['shop/hello-web-0', 'a namespace is named with -n'],
    ['/x', 'it must be NAME or va/NAME'],
    ['constructor/x', "'constructor' is neither kind"],
    ['va/', 'a name has lower-case letters'],
    ['sd/a/b', 'a name has lower-case letters'],
    ['Web', 'a name has lower-case letters'],
    ['..', 'a name has lower-case letters'],
  ])('%s is refused', (text, message) => {
    expect(() => parseTarget(text)).toThrow(message);
  });

  it('lists keep their order', () => {
    const first = parseTargets('va/a', undefined);
    expect(parseTargets('sd/b', first)).toEqual([
      { kind: 'appliance', name: 'a' },
      { kind: 'task', name: 'b' },
    ]);
  });
});
