import { describe, expect, it } from 'vitest';
import { ownUse, usedResources } from './usage.ts';

const amount = (cpuMillis: number, memoryBytes: number) => ({ cpuMillis, memoryBytes });
const PROMISED = [amount(500, 100), amount(700, 200)];

describe('usedResources', () => {
  it('is what is promised and, beside it, what others than the own VMs use', () => {
    const measured = amount(5000, 3000);
    expect(usedResources(measured, PROMISED, amount(0, 0))).toEqual(amount(6200, 3300));
    expect(usedResources(measured, PROMISED, amount(1000, 250))).toEqual(amount(5200, 3050));
  });

  it('is what is promised while nothing but the own VMs uses anything', () => {
    expect(usedResources(amount(900, 290), PROMISED, amount(900, 290))).toEqual(amount(1200, 300));
    // The two are not measured at the very same moment.
    expect(usedResources(amount(890, 280), PROMISED, amount(900, 290))).toEqual(amount(1200, 300));
  });

  it('is the larger of measured and promised where the host does not tell its VMs’ use', () => {
    expect(usedResources(amount(900, 900), PROMISED)).toEqual(amount(1200, 900));
  });

  it('is what is promised on a host that never reported', () => {
    expect(usedResources(undefined, PROMISED)).toEqual(amount(1200, 300));
  });
});

describe('ownUse', () => {
  const bound = [
    { uid: 'a', resources: amount(500, 100) },
    { uid: 'b', resources: amount(700, 200) },
  ];

  it('is the use of the VMs of bound appliances: those of others are as any other load', () => {
    const measured = new Map([
      ['a', amount(400, 90)],
      ['unclaimed', amount(4000, 4000)],
    ]);
    expect(ownUse(bound, measured)).toEqual(amount(400, 90));
  });

  it('takes each VM up to its promise: one that uses more does not hide what is promised to another', () => {
    const measured = new Map([
      ['a', amount(2000, 160)],
      ['b', amount(100, 50)],
    ]);
    expect(ownUse(bound, measured)).toEqual(amount(600, 150));
    expect(usedResources(amount(2100, 210), [amount(500, 100), amount(700, 200)], amount(600, 150))).toEqual(
      amount(2700, 360),
    );
  });
});
