import { describe, expect, it } from 'vitest';
import { conditionOf } from '../domains.ts';
import {
  DOMAIN_ZERO,
  LIST_HEADER,
  RECORDED_DETAILS,
  RECORDED_INFO,
  RECORDED_LIST,
} from '../testing/recorded.ts';
import { isUnfinished, parseDisks, parseDomains, parseInfo } from './parse.ts';

const MIB = 1024 * 1024;

/** A domain of whose line only state and CPU time are told. */
function domainWith(state: string, seconds = '12.7', name = 'web') {
  const line = `${name.padEnd(40)} 5   128     1     ${state}  ${seconds} 00000000-0000-4000-8000-000000000002        -                -\n`;
  const [, domain] = parseDomains(LIST_HEADER + DOMAIN_ZERO + line);
  if (domain === undefined) throw new Error('no domain was found');
  return domain;
}

describe('xl list -v', () => {
  it('is understood, blanks in names included', () => {
    const domains = parseDomains(RECORDED_LIST);
    expect(domains.map(({ id, name }) => [id, name])).toEqual([
      [0, 'Domain-0'],
      [20, 'a foreign one'],
      [21, 'default.web-1.00000000'],
      [22, 'default.web-2.00000000'],
    ]);
    expect(domains[3]).toEqual({
      id: 22,
      name: 'default.web-2.00000000',
      uuid: '00000000-0000-4000-8000-000000000002',
      memoryBytes: 128 * MIB,
      paused: false,
      shutdown: undefined,
      dying: false,
      cpuSeconds: 12.7,
    });
  });

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
  ])('says of the state %s that the VM is %s', (state, expected) => {
    expect(conditionOf(domainWith(state)).state).toBe(expected);
  });

  it('tells a reboot and a panic in words', () => {
    expect(conditionOf(domainWith('---sr-')).problem?.reason).toBe('GuestRebooted');
    expect(conditionOf(domainWith('---sc-')).problem?.reason).toBe('GuestPanicked');
  });

  it('tells a domain that was never let run from one that somebody paused', () => {
    expect(parseDomains(RECORDED_LIST).map(isUnfinished)).toEqual([false, true, false, false]);
    expect(isUnfinished(domainWith('------', '0.0', '(null)'))).toBe(true);
  });

  it('overlooks no domain: a line of another form is an error', () => {
    expect(() => parseDomains(`${LIST_HEADER}web 5 128 1 r----- 1.0\n`)).toThrow('shows a domain as');
    expect(() => parseDomains('libxl says something else\n')).toThrow('begins with');
    expect(() => parseDomains('')).toThrow('begins with');
  });
});

describe('xl info', () => {
  it('tells the machine, not dom0', () => {
    expect(parseInfo(RECORDED_INFO)).toEqual({
      version: '4.17.7',
      cpus: 2,
      totalBytes: 2047 * MIB,
      freeBytes: 1000 * MIB,
      capabilities: ['xen-3.0-x86_64', 'hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'],
      commandLine: 'console=com1 com1=115200,8n1 loglvl=info dom0_mem=1024M,max:1024M',
    });
  });

  it('is refused without what placement needs', () => {
    expect(() => parseInfo(RECORDED_INFO.replace(/^free_memory.*$/m, ''))).toThrow('tells no free_memory');
    expect(() => parseInfo(RECORDED_INFO.replace(': 2047', ':'))).toThrow('tells no total_memory');
  });
});

describe('xl list -l', () => {
  it('tells the disks of each domain', () => {
    const disk = '/var/lib/coppice/appliances/00000000-0000-4000-8000-000000000001/disk.qcow2';
    expect([...parseDisks(RECORDED_DETAILS)]).toEqual([
      [0, []],
      [1, [disk]],
    ]);
  });
});
