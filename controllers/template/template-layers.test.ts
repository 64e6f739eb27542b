import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import type { ImportStatus } from '../../src/host/protocol.ts';
import { anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { anImport, aView, LAYER } from '../../test/builders/reports.ts';
import { copiesOf } from './copies.ts';

const kernel = { url: 'https://example.com/vmlinux', sha256: 'e'.repeat(64) };
const withGuest = (guest: object) =>
  aTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', ...guest } } });

describe('the layers of a template', () => {
  const other = '9'.repeat(64);
  const layersOn = (template: Template, ...imported: readonly ImportStatus[]) =>
    copiesOf(template, [aView({ name: 'none' }), aView({ imported })]).layers;

  it('are what its files became on a host', () => {
    expect(layersOn(aTemplate(), anImport())).toEqual({ disk: LAYER });
    const template = withGuest({ boot: { kernel, initrd: kernel, commandLine: '' } });
    const boot = anImport({ sha256: kernel.sha256, kind: 'boot', identity: other });
    expect(layersOn(template, anImport(), boot)).toEqual({ disk: LAYER, kernel: other, initrd: other });
  });

  it('are not known until all its files are imported', () => {
    expect(layersOn(aTemplate())).toBeUndefined();
    expect(layersOn(aTemplate(), anImport({ state: 'Fetching' }))).toBeUndefined();
    const template = withGuest({ boot: { kernel, commandLine: '' } });
    expect(layersOn(template, anImport())).toBeUndefined();
    const boot = anImport({ sha256: kernel.sha256, kind: 'boot' });
    expect(layersOn(template, boot)).toBeUndefined();
  });

  it('do not follow from the import of another namespace, another kind, or another file', () => {
    expect(layersOn(aTemplate(), anImport({ namespace: 'other' }))).toBeUndefined();
    expect(layersOn(aTemplate(), anImport({ kind: 'boot' }))).toBeUndefined();
    expect(layersOn(aTemplate(), anImport({ sha256: 'b'.repeat(64) }))).toBeUndefined();
  });

  it('stay those of its status, also when an import comes to another one', () => {
    const changed = anImport({ identity: other });
    const template = anImportedTemplate();
    expect(copiesOf(template, [aView({ imported: [changed] })])).toMatchObject({
      layers: { disk: LAYER },
      changed: { host: 'host-a', role: 'disk' },
    });
    const fine = [anImport(), anImport({ namespace: 'other', identity: other })];
    for (const imported of [fine, [anImport({ state: 'Fetching' })]])
      expect(copiesOf(template, [aView({ imported })]).changed).toBeUndefined();
    expect(copiesOf(aTemplate(), [aView({ imported: [changed] })]).changed).toBeUndefined();
  });
});
