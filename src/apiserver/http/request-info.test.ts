import { describe, expect, it } from 'vitest';
import { requestInfo } from './request-info.ts';

function shown(target: string, method = 'GET'): string {
  const info = requestInfo(method, target);
  if (info.kind === 'path') return `${info.verb} ${info.path}`;
  const { verb, group, version, plural, namespace, name, subresource, isInNamespace } = info;
  const where = namespace === undefined ? '-' : `${isInNamespace ? 'in ' : ''}${namespace}`;
  return [verb, `${group}/${version}`, where, plural, name ?? '-', subresource ?? '-'].join(' ');
}

function selectedName(target: string, method = 'GET'): string | undefined {
  const info = requestInfo(method, `/api/v1/secrets?${target}`);
  return info.kind === 'resource' ? info.selectedName : undefined;
}

describe('requestInfo', () => {
  it.each([
    ['/', 'get /'],
    ['//', 'get //'],
    ['//host/api', 'get //host/api'],
    ['/api', 'get /api'],
    ['/apis/example.com/v1', 'get /apis/example.com/v1'],
    ['http://other:1/api/v1/namespaces/a?watch=1', 'get /v1 a namespaces a -'],
    ['/api/v1/namespaces', 'list /v1 - namespaces - -'],
    ['/api/v1/namespaces/a', 'get /v1 a namespaces a -'],
    ['/api/v1/namespaces/a/status', 'get /v1 a namespaces a status'],
    ['/api/v1/namespaces/a/configmaps', 'list /v1 in a configmaps - -'],
    ['/api/v1/namespaces/a/namespaces/b', 'get /v1 in a namespaces b -'],
    ['/apis/example.com/v1/namespaces/a/widgets/w/scale', 'get example.com/v1 in a widgets w scale'],
    ['/apis/example.com/v1/gadgets/g', 'get example.com/v1 - gadgets g -'],
    ['/api/v1/namespaces/a/configmaps/b%2Fc', 'get /v1 in a configmaps b c'],
    ['/api/v1/namespaces/a/../configmaps', 'get /v1 in a .. configmaps -'],
    ['/api/v1/namespaces//configmaps', 'list /v1 in  configmaps - -'],
    ['/api/v1//configmaps', 'get /v1 -  configmaps -'],
  ])('%s is %s', (target, expected) => {
    expect(shown(target)).toBe(expected);
  });

  it('refuses malformed escapes', () => {
    expect(() => requestInfo('GET', '/api/v1/%zz')).toThrow('invalid escape');
  });

  it.each([
    ['GET', '/api/v1/secrets?watch=1', 'watch'],
    ['GET', '/api/v1/secrets?watch=no', 'watch'],
    ['GET', '/api/v1/secrets?watch=False', 'list'],
    ['GET', '/api/v1/nodes/a?watch=1', 'get'],
    ['DELETE', '/api/v1/secrets', 'deletecollection'],
    ['PUT', '/api/v1/secrets', 'update'],
    ['BREW', '/api/v1/secrets', ''],
  ])('%s of %s: %s', (method, target, verb) => {
    expect(shown(target, method).split(' ')[0]).toBe(verb);
  });

  it.each([
    ['fieldSelector=metadata.name=mine', 'mine'],
    ['watch=1&fieldSelector=metadata.name==mine,type!=x', 'mine'],
    ['fieldSelector=type!=x\\,metadata.name=mine', undefined],
    ['fieldSelector=metadata.name!=mine', undefined],
    ['fieldSelector=metadata.name=a%252Fb', undefined],
    ['fieldSelector=metadata.name=mine&limit=x', undefined],
    ['fieldSelector=metadata.name=mine&labelSelector=!!', undefined],
    ['fieldSelector=x=y&fieldSelector=metadata.name=mine', undefined],
  ])('narrows %s to %s', (query, name) => {
    expect(selectedName(query)).toBe(name);
  });

  it.each(['POST', 'DELETE', 'PUT', 'PATCH'])('narrows no %s', (method) => {
    expect(selectedName('fieldSelector=metadata.name=mine', method)).toBeUndefined();
  });
});
