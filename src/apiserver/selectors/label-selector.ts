import { own } from '../../base/own.ts';
import { badRequest } from '../status-errors.ts';

type Operator = 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

interface Requirement {
  key: string;
  operator: Operator;
  values: string[];
}

type Labels = Readonly<Record<string, string>> | undefined;

export type LabelMatcher = (labels: Labels) => boolean;

const SYMBOLS = ['==', '!=', '=', '!', '(', ')', ',', '>', '<'];
const EQUALITY: Record<string, Operator> = { '=': 'in', '==': 'in', '!=': 'notin', '>': 'gt', '<': 'lt' };
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let index = 0;
  while (index < text.length) {
    const rest = text.slice(index);
    const space = /^\s+/.exec(rest)?.[0];
    const token =
      space ?? SYMBOLS.find((symbol) => rest.startsWith(symbol)) ?? /^[^\s=!(),<>]+/.exec(rest)?.[0] ?? '';
    if (space === undefined) tokens.push(token);
    index += token.length;
  }
  return tokens;
}

/** Recursive descent over the grammar of k8s.io/apimachinery `labels.Parse`. */
class SelectorParser {
  readonly #tokens: string[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#tokens.length === 0) return requirements;
    for (;;) {
      requirements.push(this.#requirement());
      const next = this.#take();
      if (next === undefined) return requirements;
      if (next !== ',') throw badRequest(`found '${next}', expected: ',' or 'end of string'`);
    }
  }

  #requirement(): Requirement {
    if (this.#tokens[this.#position] === '!') {
      this.#position++;
      return { key: this.#key(), operator: '!', values: [] };
    }
    const key = this.#key();
    const next = this.#tokens[this.#position];
    if (next === undefined || next === ',') return { key, operator: 'exists', values: [] };
    this.#position++;
    if (next === 'in' || next === 'notin') return { key, operator: next, values: this.#set() };
    const operator = own(EQUALITY, next);
    if (operator === undefined) throw this.#unexpected(next, 'in, notin, =, ==, !=, gt, lt');
    return { key, operator, values: [this.#value()] };
  }

  #key(): string {
    const key = this.#take();
    if (key === undefined || SYMBOLS.includes(key)) throw this.#unexpected(key ?? '', 'identifier');
    if (!LABEL_KEY.test(key)) {
      throw badRequest(
        `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      );
    }
    return key;
  }

  #value(): string {
    const next = this.#tokens[this.#position];
    if (next === undefined || next === ',') return '';
    this.#position++;
    if (SYMBOLS.includes(next)) throw this.#unexpected(next, 'identifier');
    return this.#checked(next);
  }

  #set(): string[] {
    const open = this.#take();
    if (open !== '(') throw this.#unexpected(open ?? '', "'('");
    const values: string[] = [];
    for (;;) {
      const next = this.#take();
      if (next === undefined) throw this.#unexpected('', "',', ')' or identifier");
      if (next === ')') return values.length === 0 ? [''] : values;
      if (next === ',') continue;
      values.push(this.#checked(next));
    }
  }

  #checked(value: string): string {
    if (LABEL_VALUE.test(value)) return value;
    throw badRequest(
      `unable to parse requirement: values[0][${JSON.stringify(value)}]: Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    );
  }

  #take(): string | undefined {
    return this.#tokens[this.#position++];
  }

  #unexpected(found: string, expected: string): Error {
    return badRequest(`unable to parse requirement: found '${found}', expected: ${expected}`);
  }
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
      return value !== undefined && Number.parseInt(value, 10) > Number.parseInt(values[0] ?? '', 10);
    case 'lt':
      return value !== undefined && Number.parseInt(value, 10) < Number.parseInt(values[0] ?? '', 10);
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

/** Parses `a=b,c in (d,e),!f` into a predicate; undefined when it matches everything. Throws 400 when malformed. */
export function parseLabelSelector(text: string | undefined): LabelMatcher | undefined {
  const requirements = new SelectorParser(text ?? '').parse();
  if (requirements.length === 0) return undefined;
  return (labels) => requirements.every((requirement) => matches(requirement, own(labels, requirement.key)));
}
