import { describe, expect, it } from 'vitest';
import { isUnfinished, parseDisks, parseDomains, parseInfo } from './parse.ts';
import {
  DOMAIN_ZERO,
  LIST_HEADER,
  RECORDED_DETAILS,
  RECORDED_INFO,
  RECORDED_LIST,
} from './testing/recorded.ts';

const MIB = 1024 * 1024;

/** A domain parsed from a line with this state, CPU time and name. */
function domainWith(state: string, seconds = '12.7', name = 'web') {
  const line = `${name.padEnd(40)} 5   128     1     ${state}  ${seconds} 00000000-0000-4000-8000-000000000002        -                -\n`;
  const [, domain] = parseDomains(LIST_HEADER + DOMAIN_ZERO + line);
  if (domain === undefined) throw new Error('no domain was found');
  return domain;
}

describe('xl list -v', () => {
  it('is parsed, also when a name has blanks', () => {
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

  it('distinguishes a domain that never ran from one that somebody paused', () => {
    expect(parseDomains(RECORDED_LIST).map(isUnfinished)).toEqual([false, true, false, false]);
    expect(isUnfinished(domainWith('------', '0.0', '(null)'))).toBe(true);
  });

  it('overlooks no domain: a line that cannot be parsed is an error', () => {
    expect(() => parseDomains(`${LIST_HEADER}web 5 128 1 r----- 1.0\n`)).toThrow('shows a domain as');
    expect(() => parseDomains('libxl says something else\n')).toThrow('begins with');
    expect(() => parseDomains('')).toThrow('begins with');
  });
});

describe('xl info', () => {
  it('shows the machine, not dom0', () => {
    expect(parseInfo(RECORDED_INFO)).toEqual({
      version: '4.17.7',
      cpus: 2,
      totalBytes: 2047 * MIB,
      freeBytes: 1000 * MIB,
      capabilities: ['xen-3.0-x86_64', 'hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'],
      commandLine: 'console=com1 com1=115200,8n1 loglvl=info dom0_mem=1024M,max:1024M',
    });
  });

  it('is refused without a number that placement needs', () => {
    expect(() => parseInfo(RECORDED_INFO.replace(/^free_memory.*$/m, ''))).toThrow('shows no free_memory');
    expect(() => parseInfo(RECORDED_INFO.replace(': 2047', ':'))).toThrow('shows no total_memory');
  });
});

describe('xl list -l', () => {
  it('shows the disks of each domain', () => {
    const disk = '/var/lib/coppice/appliances/00000000-0000-4000-8000-000000000001/disk.qcow2';
    expect([...parseDisks(RECORDED_DETAILS)]).toEqual([
      [0, []],
      [1, [disk]],
    ]);
  });
});
