import { describe, expect, it } from 'vitest';
import { parsePath, verbOf } from './request-info.ts';

function shown(path: string): string | undefined {
  const info = parsePath(path);
  if (info === undefined) return undefined;
  if (info.kind === 'path') return info.path;
  const { group, version, plural, namespace, name, subresource } = info;
  return [`${group}/${version}`, namespace ?? '-', plural, name ?? '-', subresource ?? '-'].join(' ');
}

describe('parsePath', () => {
  it.each([
    ['/api', '/api'],
    ['/apis/example.com/v1', '/apis/example.com/v1'],
    ['/api/v1/namespaces', '/v1 - namespaces - -'],
    ['/api/v1/namespaces/a', '/v1 a namespaces a -'],
    ['/api/v1/namespaces/a/status', '/v1 a namespaces a status'],
    ['/api/v1/namespaces/a/configmaps', '/v1 a configmaps - -'],
    ['/apis/example.com/v1/namespaces/a/widgets/w/scale', 'example.com/v1 a widgets w scale'],
    ['/apis/example.com/v1/gadgets/g', 'example.com/v1 - gadgets g -'],
    ['/api/v1/namespaces/a/configmaps/b%2Fc', '/v1 a configmaps b/c -'],
    ['/api/v1/namespaces/a/configmaps/b/c/d', undefined],
    ['/api/v1/%zz', undefined],
  ])('%s is %s', (path, expected) => {
    expect(shown(path)).toBe(expected);
  });
});

describe('verbOf', () => {
  it.each([
    ['GET', undefined, true, 'watch'],
    ['GET', undefined, false, 'list'],
    ['GET', 'a', true, 'get'],
    ['DELETE', undefined, false, 'deletecollection'],
    ['PUT', undefined, false, undefined],
    ['BREW', 'a', false, undefined],
  ])('%s of %s, watch %s: %s', (method, name, watch, verb) => {
    expect(verbOf(method, name, watch)).toBe(verb);
  });
});
