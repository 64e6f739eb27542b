import { beforeAll, describe, expect, it } from 'vitest';
import { trustConfigMap } from '../apiserver/extension/trust-config-map.ts';
import { trustIn } from '../streams/trust.ts';
import { createCa } from './certificates.ts';

describe('whom the API server says to believe', () => {
  let [users, proxies] = ['', ''];
  beforeAll(async () => {
    const make = async (commonName: string) =>
      (await createCa({ commonName, days: 1, now: Date.UTC(2026, 0) })).cert;
    [users, proxies] = [`${await make('old')}\n${await make('new')}`, await make('proxies')];
  });
  const configMap = (change: Record<string, string> = {}) => {
    const { data } = trustConfigMap(users, proxies) as { data?: Record<string, string> };
    return { data: { ...data, ...change } };
  };

  it('is every authority in the bundles, and the headers in which users are named', () => {
    const { clientCas, frontProxy, pem } = trustIn(configMap());
    expect(clientCas).toHaveLength(2);
    expect(frontProxy).toMatchObject({
      names: ['front-proxy'],
      usernameHeaders: ['x-remote-user'],
      groupHeaders: ['x-remote-group'],
      uidHeaders: ['x-remote-uid'],
      extraPrefixes: ['x-remote-extra-'],
    });
    expect(pem).toContain(users);
    expect(pem).toContain(proxies);
  });

  it('is no front proxy where there is none, and nobody where nothing is said', () => {
    const { data } = trustConfigMap(users, undefined) as { data?: Record<string, string> };
    expect(trustIn({ data: data ?? {} }).frontProxy).toBeUndefined();
    expect(trustIn({})).toEqual({ clientCas: [], pem: '\n' });
  });

  it.each(['no JSON', '"front-proxy"', '[1]', '{}'])(
    'is nothing at all when a part is damaged: %s',
    (text) => {
      expect(() => trustIn(configMap({ 'requestheader-allowed-names': text }))).toThrow();
    },
  );
});
