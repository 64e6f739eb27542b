import { expect, it } from 'vitest';
import { WrongContent } from './wrong-content.ts';

const URL_A = 'https://files.example/a';
const URL_B = 'https://files.example/b';

it('is certain when a source answers three times in a row with the same wrong file', () => {
  const wrong = new WrongContent();
  const kinds = [1, 2, 3, 4].map(() => wrong.judge(URL_A, 'wanted', 'other').kind);
  expect(kinds).toEqual(['retry', 'retry', 'stalled', 'stalled']);
});

it.each([
  { what: 'another wrong file', next: (wrong: WrongContent) => wrong.judge(URL_A, 'wanted', 'third') },
  { what: 'another source', next: (wrong: WrongContent) => wrong.judge(URL_B, 'wanted', 'other') },
  {
    what: 'what comes after the right one',
    next: (wrong: WrongContent) => {
      wrong.forget('wanted');
      return wrong.judge(URL_A, 'wanted', 'other');
    },
  },
])('gives the benefit of the doubt to $what', ({ next }) => {
  const wrong = new WrongContent();
  for (let time = 0; time < 3; time += 1) wrong.judge(URL_A, 'wanted', 'other');
  expect(next(wrong)).toMatchObject({ kind: 'retry', reason: 'DigestMismatch' });
});
