import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { anAppliance } from '../../test/builders/objects.ts';
import type { VirtualAppliance } from '../api/kinds.ts';
import { formatVersions, type Versions } from './commands/version.ts';
import { formatAppliances, outputOption } from './output.ts';

const named = (name: string): VirtualAppliance =>
  anAppliance({
    metadata: {
      name,
      namespace: 'shop',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'kubectl', operation: 'Apply' }],
      annotations: { note: 'yes', number: '0777', text: 'two\nlines\n' },
    },
    spec: { hostName: 'host-a' },
    status: { uuid: 'u-1', network: { address: '10.0.8.10', prefix: 24, pool: 'lan' } },
  } as Parameters<typeof anAppliance>[0]);

const web0 = named('web-0');
const web1 = named('web-1');

/** As it is printed for programs. */
function bare({ metadata: { managedFields: _, ...metadata }, ...rest }: VirtualAppliance): object {
  return { ...rest, metadata };
}

describe('appliances as text', () => {
  it.each([
    ['json', JSON.parse],
    ['yaml', load],
  ] as const)('%s is one object for one name, else a List, without managedFields', (output, parse) => {
    expect(parse(formatAppliances([web0], output, true))).toEqual(bare(web0));
    for (const items of [[], [web0], [web0, web1]]) {
      const list = { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' } };
      expect(parse(formatAppliances(items, output, false))).toEqual({ ...list, items: items.map(bare) });
    }
  });

  it('yaml quotes what older readers would take for a boolean or a number', () => {
    const text = formatAppliances([web0], 'yaml', true);
    expect(text).toContain("note: 'yes'\n");
    expect(text).toContain("number: '0777'\n");
  });

  it('names are those that kubectl takes, nothing for none', () => {
    expect(formatAppliances([web0, web1], 'name', false)).toBe(
      'virtualappliance.coppice.dev/web-0\nvirtualappliance.coppice.dev/web-1',
    );
    expect(formatAppliances([], 'name', false)).toBe('');
  });

  it('wide is the table with more columns', () => {
    const [header, row] = formatAppliances([web0], 'wide', true).split('\n');
    const [plainHeader = '', plainRow = ''] = formatAppliances([web0], undefined, true).split('\n');
    expect(header).toMatch(new RegExp(`^${plainHeader} +TEMPLATE +CPU +MEMORY +ADDRESS +UUID +CREATED$`));
    expect(row?.startsWith(plainRow)).toBe(true);
    expect(row).toMatch(/ 10\.0\.8\.10 +u-1 +2026-01-01T00:00:00Z$/);
  });

  it('are of one of the four formats', () => {
    expect(outputOption().argChoices).toEqual(['json', 'yaml', 'name', 'wide']);
  });
});

describe('versions as text', () => {
  const clientVersion = { version: '1.2.3', nodeVersion: 'v24.0.0' };

  it.each<[Versions, string]>([
    [{ clientVersion }, ''],
    [{ clientVersion, serverVersion: { gitVersion: 'v1.36.3', major: '1' } }, '\nServer: v1.36.3'],
    [{ clientVersion, serverError: 'no answer' }, '\nServer: unknown: no answer'],
  ])('%j is one line each, or JSON', (versions, server) => {
    expect(formatVersions(versions, undefined)).toBe(`Client: 1.2.3 (Node v24.0.0)${server}`);
    expect(JSON.parse(formatVersions(versions, 'json'))).toEqual(versions);
  });
});
