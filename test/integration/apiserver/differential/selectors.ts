/** Selectors made of their tokens: each after each, and by chance. */

import { fc, seed } from '../../../fuzz.ts';
import { type Case, CONFIG_MAPS, configMap, part, post, type Step, story } from './case.ts';

const TOKENS = [
  ...['a', 'x/a', 'in', 'notin', '1', '-1', 'a!b', '\u00e9', 'A/b/c', 'a'.repeat(64)],
  ...['=', '==', '!=', '!', '<', '>', '(', ')', ',', ' ', '\t', '\u0000', '+', '.'],
] as const;
const WHOLE = [
  ...[
    '',
    ' ',
    'a in (1 2)',
    'a in (1,2)',
    'a in ()',
    'a in (',
    'a in (,)',
    'a in (,,1)',
    'a in (1',
    'a in 1',
    'a in',
  ],
  ...[
    'a notin (1),b',
    'in in (in,notin)',
    'notin',
    '!in',
    '! a',
    '!a=1',
    '!!a',
    'a,',
    ',a',
    'a,,b',
    'a b',
    'a)',
  ],
  ...['a>x', 'a>1', 'a<1', 'a>01', 'a>1.5', 'a> ', 'a>9223372036854775808', 'a=1=2', 'a===1', 'a=>1', 'a!1'],
  ...[
    'a=!',
    'a=-',
    'a in (-,.,1)',
    'a in (b\u00e9)',
    'a,!b,c in (1),d!=2,e>0',
    `a=${'1'.repeat(64)}!`,
    'a\u0000b',
  ],
];
const FIELDS = [
  ...[
    '',
    ',',
    'metadata.name',
    'metadata.name=',
    'metadata.name==b',
    'metadata.name=b,',
    '=',
    '!=',
    '==b',
    '=b',
  ],
  ...[
    'metadata.name=b=c',
    'metadata.name=b\\',
    'metadata.name=\\b',
    'metadata.name=b\\,c',
    'metadata.name!=b',
  ],
  ...['metadata.name=b,metadata.name=c', 'metadata.name=b,x=c', 'x', 'metadata.name=b!', ' metadata.name=b'],
  ...[
    'metadata.name =b',
    'metadata.name= b',
    '\u0000',
    'metadata.name=\u00e9',
    'metadata.name!b',
    'metadata.name==',
  ],
];

/** The names of what is chosen, or the error. */
function chosen(body: unknown): unknown {
  const { items, message } = body as { items?: { metadata: { name: string } }[]; message?: string };
  return message ?? items?.map(({ metadata }) => metadata.name);
}

function selecting(parameter: string, selector: string): Step {
  return part(`${CONFIG_MAPS}?${parameter}=${encodeURIComponent(selector)}`, chosen);
}

const labelled = (name: string, labels: object): Step => post(CONFIG_MAPS, configMap(name, {}, { labels }));
const PLANTED = [
  labelled('one', { a: '1', in: 'in', 'x/a': '' }),
  labelled('two', { a: '2', b: '1' }),
  labelled('text', { a: 'x', c: '1' }),
  labelled('none', {}),
];

function about(name: string, parameter: string, selectors: readonly string[]): Case {
  return story(name, ...PLANTED, ...selectors.map((selector) => selecting(parameter, selector)));
}

const byChance = fc.sample(
  fc.array(fc.constantFrom(...TOKENS), { minLength: 2, maxLength: 8 }).map((tokens) => tokens.join('')),
  { numRuns: 150, seed },
);

export const selectors: readonly Case[] = [
  about('label selectors', 'labelSelector', WHOLE),
  ...TOKENS.map((token) =>
    about(`label selectors with ${JSON.stringify(token)}`, 'labelSelector', [
      token,
      ...TOKENS.flatMap((other) => [`a${token}${other}`, `a in (${token}${other})`]),
    ]),
  ),
  about('label selectors by chance', 'labelSelector', byChance),
  about('field selectors', 'fieldSelector', FIELDS),
];
