import { describe, expect, it } from 'vitest';
import { SUBRESOURCES, type Subresource, subresourcePath } from '../api/subresources.ts';
import { streamRequest } from './request.ts';

const urlOf = (path: string) => new URL(path, 'https://operator');
const read = (subresource: Subresource, query = '', method = 'GET') => {
  const url = urlOf(`${subresourcePath('shop', 'web-0', subresource)}${query}`);
  return streamRequest(method, url, subresource !== 'log');
};

describe('a request for a stream', () => {
  it.each([
    ['console', '', 'console'],
    [
      'exec',
      '?command=sh&command=-c&command=a%20%26%20b&stdin=true',
      'exec?command=sh&command=-c&command=a+%26+b&stdin=true',
    ],
    ['log', '', 'console'],
    ['log', '?bytes=10&follow=true', 'console?bytes=10&follow=true'],
    ['log', '?source=service&bytes=10', 'service-log?bytes=10'],
  ] as const)('%s%s is passed on as %s', (subresource, query, daemonPath) => {
    expect(read(subresource, query)).toEqual({ namespace: 'shop', name: 'web-0', subresource, daemonPath });
  });

  it.each([
    [() => read('exec', '?command=ls&container=x'), 400, /no option 'container'; its options: command/],
    [() => read('console', '?a=b'), 400, /no option 'a'; its options: none/],
    [() => read('log', '?source=daemon'), 400, /source must be console, service or build, not 'daemon'/],
    [() => read('log', '', 'POST'), 405, /GET only/],
    [() => streamRequest('GET', urlOf(subresourcePath('a', 'b', 'exec')), false), 400, /is a WebSocket/],
    [() => streamRequest('GET', urlOf(subresourcePath('a', 'b', 'log')), true), 400, /no WebSocket/],
    [() => streamRequest('GET', urlOf('/apis/subresources.coppice.dev/v1alpha1/%zz'), true), 400, /escape/],
  ])('is refused: %#', (ask, code, message) => {
    expect(ask).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it.each([
    '/',
    '/apis/coppice.dev/v1alpha1/namespaces/a/virtualappliances/b/log',
    ...['', 'status', 'log/x', 'log%2Fx', 'logs'].map(
      (end) => `/apis/subresources.coppice.dev/v1alpha1/namespaces/a/virtualappliances/b/${end}`,
    ),
    ...['a/templates/b', '/virtualappliances/b', 'a/virtualappliances/', 'a/b/virtualappliances/b'].map(
      (middle) => `/apis/subresources.coppice.dev/v1alpha1/namespaces/${middle}/log`,
    ),
  ])('for %s finds nothing', (path) => {
    expect(() => streamRequest('GET', urlOf(path), false)).toThrow(expect.objectContaining({ code: 404 }));
  });

  it('finds every stream by its path', () => {
    for (const name of SUBRESOURCES) expect(read(name)).toMatchObject({ subresource: name });
  });
});
