import { describe, expect, it } from 'vitest';
import { anAppliance } from '../../test/builders/objects.ts';
import { type ConfigMap, packageOf } from './package.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function withConfigMap(data: Partial<Pick<ConfigMap, 'data' | 'binaryData'>>) {
  const metadata = { name: 'files', namespace: 'default' };
  const found: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...data };
  const appliance = anAppliance({ spec: { package: { configMap: { name: 'files' } } } });
  return packageOf(appliance, (key) => (key === 'default/files' ? found : undefined));
}

describe('the package of an appliance', () => {
  const none = () => undefined;

  it('is nothing, an archive, or files', () => {
    const url = 'https://example.org/shop.tar';
    const sha256 = 'c'.repeat(64);
    expect(packageOf(anAppliance(), none)).toBeUndefined();
    expect(packageOf(anAppliance({ spec: { package: { url, sha256 } } }), none)).toEqual({
      kind: 'archive',
      url,
      sha256,
    });
    const inline = { files: { 'index.html': 'grüß dich' } };
    const files = { 'index.html': base64('grüß dich') };
    expect(packageOf(anAppliance({ spec: { package: { inline } } }), none)).toEqual({ kind: 'files', files });
  });

  it('has the texts and the binary entries of its ConfigMap', () => {
    const found = withConfigMap({ data: { 'a.txt': 'a' }, binaryData: { 'b.bin': base64('b') } });
    expect(found).toEqual({ kind: 'files', files: { 'a.txt': base64('a'), 'b.bin': base64('b') } });
  });

  it('waits for a ConfigMap that is not there', () => {
    const appliance = anAppliance({ spec: { package: { configMap: { name: 'files' } } } });
    expect(() => packageOf(appliance, none)).toThrow(
      expect.objectContaining({ name: 'WaitingError', reason: 'ConfigMapNotFound' }),
    );
  });

  it('is refused when it is empty, or larger than 512 KiB in all', () => {
    expect(() => withConfigMap({})).toThrow(
      expect.objectContaining({ name: 'StalledError', reason: 'PackageEmpty' }),
    );
    const half = 'x'.repeat(256 * 1024);
    expect(withConfigMap({ data: { a: half, b: half } })).toBeDefined();
    expect(() => withConfigMap({ data: { a: half, b: half, c: 'x' } })).toThrow(
      expect.objectContaining({ name: 'StalledError', reason: 'PackageTooLarge' }),
    );
  });
});
