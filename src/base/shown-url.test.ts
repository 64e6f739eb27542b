import { describe, expect, it } from 'vitest';
import { fc } from '../../test/fuzz.ts';
import { hasUserinfo, pathOf, shownUrl } from './shown-url.ts';

describe('how messages show an address', () => {
  it.each([
    ['https://files.example/a/disk.qcow2', 'https://files.example/a/disk.qcow2'],
    ['https://files.example:8443/a?X-Signature=abc#part', 'https://files.example:8443/a'],
    ['https://user:word@files.example/a', 'https://files.example/a'],
    ['https://10.0.0.5:7443', 'https://10.0.0.5:7443'],
    ['https://10.0.0.5:7443/', 'https://10.0.0.5:7443/'],
    ['http://[fd77::12]:80?key=abc', 'http://[fd77::12]'],
    ['file:///srv/images/disk.img', 'file:///srv/images/disk.img'],
    ['data:text/plain,abc', 'data:…'],
    ['http://[abc?key=def', 'an address that is not a valid URL'],
    ['abc', 'an address that is not a valid URL'],
  ])('%s: %s', (url, shown) => {
    expect(shownUrl(url)).toBe(shown);
  });

  it('contains no secret, wherever the address holds it', () => {
    fc.assert(
      fc.property(urlWithSecret('s3cr3t'), (url) => {
        expect(shownUrl(url)).not.toContain('s3cr3t');
      }),
    );
  });

  it('says whether a user or password is named', () => {
    expect(hasUserinfo('https://user@files.example/a')).toBe(true);
    expect(hasUserinfo('https://:word@files.example/a')).toBe(true);
    expect(hasUserinfo('https://files.example/a@b?c@d#e@f')).toBe(false);
    expect(hasUserinfo('abc')).toBe(false);
  });

  it('cuts a request’s target to its path', () => {
    expect(pathOf('/v1/events?token=abc')).toBe('/v1/events');
    expect(pathOf('')).toBe('');
  });
});

function urlWithSecret(secret: string): fc.Arbitrary<string> {
  const scheme = fc.constantFrom('http://', 'https://', 'file://', 'ftp://', 'HTTPS://', 'data:', '');
  const host = fc.constantFrom('files.example', '10.0.0.5:81', '[fd77::1]', '[broken', '');
  const place = fc.constantFrom(
    (before: string, after: string) => `${before}${secret}@${after}/a`,
    (before: string, after: string) => `${before}user:${secret}@${after}`,
    (before: string, after: string) => `${before}${after}/a?${secret}`,
    (before: string, after: string) => `${before}${after}?key=${secret}&b`,
    (before: string, after: string) => `${before}${after}/a#${secret}`,
    (before: string, after: string) => `${before}${after}#b=${secret}?c`,
    (before: string, after: string) => `${before}a%40:${secret}%2f@${after}/?b@c`,
  );
  return fc.tuple(scheme, host, place).map(([before, after, put]) => put(before, after));
}
