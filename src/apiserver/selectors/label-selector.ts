import { own } from '../../base/own.ts';
import { labelValueProblems, qualifiedNameProblems } from '../meta/names.ts';
import { badRequest } from '../status-errors.ts';

type Operator = 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

interface Requirement {
  key: string;
  operator: Operator;
  values: string[];
}

type Labels = Readonly<Record<string, string>> | undefined;

export type LabelMatcher = (labels: Labels) => boolean;

/** What the operators are called; the last two compare numbers. */
const OPERATOR_OF: ReadonlyMap<string, Operator> = new Map([
  ['in', 'in'],
  ['notin', 'notin'],
  ['=', 'in'],
  ['==', 'in'],
  ['!=', 'notin'],
  ['>', 'gt'],
  ['<', 'lt'],
]);
const BINARY = 'in, notin, =, ==, !=, gt, lt';

type Kind = 'word' | 'symbol' | 'end';

interface Token {
  readonly kind: Kind;
  readonly text: string;
}

/** A NUL ends a word; where a token should begin, it ends the selector. */
function tokensOf(selector: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /([ \t\r\n])|([=!<>(),])|([^ \t\r\n=!<>(),\0]+)\0?/y;
  for (;;) {
    const [, space, symbol, word] = pattern.exec(selector) ?? [];
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (symbol !== undefined) {
      const isPair = (symbol === '=' || symbol === '!') && selector[pattern.lastIndex] === '=';
      if (isPair) pattern.lastIndex += 1;
      if (selector[pattern.lastIndex] === '\0') pattern.lastIndex += 1;
      tokens.push({ kind: 'symbol', text: isPair ? `${symbol}=` : symbol });
    } else if (space === undefined) return [...tokens, { kind: 'end', text: '' }];
  }
}

/** The refusal of a selector; the words are kube's. */
function expected(found: Token, what: string, comma = ','): Error {
  return badRequest(`unable to parse requirement: found '${found.text}'${comma} expected: ${what}`);
}

/** Recursive descent over the grammar of k8s.io/apimachinery `labels.Parse`. */
class SelectorParser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#next.kind === 'end') return requirements;
    if (!this.#begins())
      throw badRequest(`found '${this.#next.text}', expected: !, identifier, or 'end of string'`);
    for (;;) {
      requirements.push(this.#requirement());
      const after = this.#take();
      if (after.kind === 'end') return requirements;
      if (!is(after, ',')) throw badRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      if (!this.#begins()) throw badRequest(`found '${this.#next.text}', expected: identifier after ','`);
    }
  }

  get #next(): Token {
    return this.#tokens[this.#position] ?? { kind: 'end', text: '' };
  }

  #take(): Token {
    const token = this.#next;
    this.#position += 1;
    return token;
  }

  /** Whether a requirement begins here. */
  #begins(): boolean {
    return this.#next.kind === 'word' || is(this.#next, '!');
  }

  #requirement(): Requirement {
    const isAbsent = is(this.#next, '!');
    if (isAbsent) this.#take();
    const word = this.#take();
    if (word.kind !== 'word') throw expected(word, 'identifier');
    const key = word.text;
    const problems = qualifiedNameProblems(key);
    if (problems.length > 0) throw unparsed([invalidValue('<nil>', key, problems)]);
    if (isAbsent) return { key, operator: '!', values: [] };
    if (this.#isOver()) return { key, operator: 'exists', values: [] };
    const found = this.#take();
    const operator = OPERATOR_OF.get(found.text);
    if (operator === undefined) throw expected(found, BINARY);
    const isSet = found.kind === 'word';
    const values = [...new Set(isSet ? this.#set() : [this.#value()])].sort();
    return checked({ key, operator, values });
  }

  #isOver(): boolean {
    return this.#next.kind === 'end' || is(this.#next, ',');
  }

  #value(): string {
    if (this.#isOver()) return '';
    const found = this.#take();
    if (found.kind !== 'word') throw expected(found, 'identifier');
    return found.text;
  }

  #set(): string[] {
    const open = this.#take();
    if (!is(open, '(')) throw expected(open, "'('", '');
    if (is(this.#next, ')')) {
      this.#take();
      return [''];
    }
    if (this.#next.kind !== 'word' && !is(this.#next, ','))
      throw expected(this.#next, "',', ')' or identifier");
    const values: string[] = [];
    for (;;) {
      const found = this.#take();
      if (found.kind === 'word') {
        values.push(found.text);
        if (is(this.#next, ')')) break;
        if (!is(this.#next, ',')) throw expected(this.#next, "',' or ')'");
      } else if (is(found, ',')) {
        if (values.length === 0 || is(this.#next, ')') || is(this.#next, ',')) values.push('');
        if (is(this.#next, ')')) break;
      } else throw expected(found, "',', or identifier");
    }
    this.#take();
    return values;
  }
}

function is({ kind, text }: Token, symbol: string): boolean {
  return kind === 'symbol' && text === symbol;
}

function invalidValue(field: string, value: string, problems: readonly string[]): string {
  return `${field}: Invalid value: ${JSON.stringify(value)}: ${problems.join('; ')}`;
}

function unparsed(errors: readonly string[]): Error {
  const all = [...new Set(errors)];
  return badRequest(`unable to parse requirement: ${all.length === 1 ? all[0] : `[${all.join(', ')}]`}`);
}

/** Throws 400 for values that no label can have. */
function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const compares = operator === 'gt' || operator === 'lt';
  const notWhole = values.flatMap((value, index) =>
    compares && wholeOf(value) === undefined
      ? [invalidValue(`values[${index}]`, value, ["for 'Gt', 'Lt' operators, the value must be an integer"])]
      : [],
  );
  const bad = values.flatMap((value, index) => {
    const problems = labelValueProblems(value);
    return problems.length === 0 ? [] : [invalidValue(`values[${index}][${key}]`, value, problems)];
  });
  if (notWhole.length + bad.length > 0) throw unparsed([...notWhole, ...bad]);
  return requirement;
}

/** The number in a text, as Go reads an int64; undefined where there is none. */
function wholeOf(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function compares(label: string | undefined, [limit = '']: readonly string[], isGreater: boolean): boolean {
  const [left, right] = [label === undefined ? undefined : wholeOf(label), wholeOf(limit)];
  if (left === undefined || right === undefined) return false;
  return isGreater ? left > right : left < right;
}

function matches({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'gt':
      return compares(value, values, true);
    case 'lt':
      return compares(value, values, false);
  }
}

/** `LabelSelector` of meta/v1. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

const OPERATORS: Readonly<Record<string, Operator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** Whether labels satisfy the selector; an empty selector matches everything. */
export function selectorMatches(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const isLabelled = Object.entries(matchLabels).every(([key, value]) => own(labels, key) === value);
  const isMet = matchExpressions.every(({ key, operator, values = [] }) => {
    const known = own(OPERATORS, operator);
    return known !== undefined && matches({ key, operator: known, values: [...values] }, own(labels, key));
  });
  return isLabelled && isMet;
}

const OPERATOR_NAMES: Readonly<Record<Operator, string | undefined>> = {
  in: 'In',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
  gt: undefined,
  lt: undefined,
};

/** Parses `a=b,c in (d,e),!f` into a LabelSelector, which cannot compare numbers. Throws 400 when malformed. */
export function labelSelectorOf(text: string): LabelSelector {
  const matchExpressions = new SelectorParser(text).parse().map(({ key, operator, values }) => {
    const name = OPERATOR_NAMES[operator];
    if (name === undefined)
      throw badRequest(`${key}: a selector of labels cannot compare numbers: use =, != or in`);
    return { key, operator: name, ...(values.length === 0 ? {} : { values }) };
  });
  return { matchExpressions };
}

/** Parses `a=b,c in (d,e),!f` into a predicate; undefined when it matches everything. Throws 400 when malformed. */
export function parseLabelSelector(text: string | undefined): LabelMatcher | undefined {
  const requirements = new SelectorParser(text ?? '').parse();
  if (requirements.length === 0) return undefined;
  return (labels) => requirements.every((requirement) => matches(requirement, own(labels, requirement.key)));
}
