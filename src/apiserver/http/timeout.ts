import { badRequest } from '../status-errors.ts';

const UNITS = ['ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h'];
const NUMBER = /^(?:\d+\.?\d*|\.\d+)/;

/** Why a text is no duration to Go's time.ParseDuration, or undefined. */
function durationProblem(text: string): string | undefined {
  const quoted = JSON.stringify(text);
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return undefined;
  if (rest === '') return `invalid duration ${quoted}`;
  while (rest !== '') {
    const [number] = NUMBER.exec(rest) ?? [];
    if (number === undefined) return `invalid duration ${quoted}`;
    const unit = /^[^.\d]*/.exec(rest.slice(number.length))?.[0] ?? '';
    if (unit === '') return `missing unit in duration ${quoted}`;
    if (!UNITS.includes(unit)) return `unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
    rest = rest.slice(number.length + unit.length);
  }
  return undefined;
}

/** Throws 400 for a parameter `timeout` that is no duration. What it says is not needed: no request takes that long. */
export function checkTimeout(query: URLSearchParams): void {
  const timeout = query.get('timeout') ?? '';
  const problem = timeout === '' ? undefined : durationProblem(timeout);
  if (problem === undefined) return;
  throw badRequest(`invalid timeout specified in the request URL - time: ${problem}`);
}
