import { describe, expect, it } from 'vitest';
import { SECRETS } from '../../src/api/kinds.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { anAppliance } from '../../test/builders/objects.ts';
import { obstacleOf } from '../obstacles/obstacle.ts';
import { userDataReader } from './user-data.ts';

const WORD = 'nobody-else-says-this';
const appliance = anAppliance({
  metadata: { namespace: 'shop' },
  spec: { parameters: { cloudInit: { userDataSecret: { name: 'boot', key: 'first' } } } },
});
const signal = new AbortController().signal;

/** What comes of reading it from a Secret with this data, or of asking for it in vain. */
function read(answer: Readonly<Record<string, string | Buffer>> | Error | undefined): Promise<string> {
  const asked: unknown[] = [];
  const client = {
    find: async (...question: unknown[]) => {
      asked.push(question.slice(0, 2));
      if (answer instanceof Error) throw answer;
      if (answer === undefined) return undefined;
      const data = Object.entries(answer).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
      return { metadata: { name: 'boot' }, data: Object.fromEntries(data) };
    },
  } as unknown as Pick<KubeClient, 'find'>;
  const reader = userDataReader(appliance, client);
  if (reader === undefined) throw new Error('it has user data in a Secret');
  return reader(signal).finally(() =>
    expect(asked).toEqual([[SECRETS, { namespace: 'shop', name: 'boot' }]]),
  );
}

const obstacle = (reading: Promise<string>) =>
  reading.then(
    () => undefined,
    (error: unknown) => obstacleOf(error),
  );

describe('user data in a Secret', () => {
  it('is what the key has, to the byte', async () => {
    const text = `#cloud-config\r\npassword: ${WORD}, é\n`;
    await expect(read({ first: text, other: 'x' })).resolves.toBe(text);
    await expect(read({ first: '#!/bin/sh\n' })).resolves.toBe('#!/bin/sh\n');
  });

  it('is not asked for where there is none', () => {
    const find = () => Promise.reject(new Error('it was asked for'));
    expect(userDataReader(anAppliance(), { find } as never)).toBeUndefined();
  });

  it.each([
    ['no Secret', undefined, 'SecretNotFound', /^Secret shop\/boot .* does not exist: create it/],
    ['no such key', { constructor: WORD }, 'SecretNotFound', /has no key first/],
    ['nothing', { first: '' }, 'UserDataInvalid', /none of the lines/],
    ['no first line', { first: `password: ${WORD}` }, 'UserDataInvalid', /key first of Secret shop\/boot/],
    ['broken YAML', { first: `#cloud-config\n${WORD}: "${WORD}` }, 'UserDataInvalid', /YAML cannot be read/],
    ['packed data', { first: Buffer.from([0x1f, 0x8b, 0xff]) }, 'UserDataInvalid', /not text in UTF-8/],
  ] as const)(
    'with %s is waited for, with a sentence that tells nothing of it',
    async (_, data, reason, says) => {
      const found = await obstacle(read(data));
      expect(found).toMatchObject({ reason, isStalled: false, message: expect.stringMatching(says) });
      expect(found?.message).not.toContain(WORD);
    },
  );

  it('that may not be read says who must let it, and is tried again', async () => {
    const forbidden = new ApiError({
      status: 403,
      reason: 'Forbidden',
      message: 'secrets "boot" is forbidden',
    });
    await expect(obstacle(read(forbidden))).resolves.toMatchObject({
      reason: 'SecretRefused',
      isStalled: false,
      message: expect.stringMatching(/Secret shop\/boot.*rbac\.secretNamespaces/),
    });
    const down = new Error('the API server is away');
    await expect(read(down)).rejects.toBe(down);
  });
});
