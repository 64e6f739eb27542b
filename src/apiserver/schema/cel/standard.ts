/** What cel-go's standard library has beyond the library's: conversions of times, comparisons with null, optionals of lists. */

import { type Environment, Optional } from '@marcbachmann/cel-js';
import { celEqual } from './equal.ts';

/** The library's durations; their class is not in its types. */
interface Duration {
  readonly seconds: bigint;
  readonly nanos: number;
}

type List = readonly unknown[];

/** Values of these types may be null. */
const NULLABLE = [
  'optional<dyn>',
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'kubernetes.Quantity',
  'kubernetes.URL',
  'kubernetes.NamedFormat',
  'net.IP',
  'net.CIDR',
];

/** Registers them; the types must be registered before. */
export function registerStandard(environment: Environment): void {
  for (const type of NULLABLE) environment.registerOperator(`${type} == null`, celEqual);
  environment
    .registerOperator('optional<A> == optional<A>', sameOptional)
    .registerFunction('int(google.protobuf.Timestamp): int', (time: Date) =>
      BigInt(Math.floor(time.getTime() / 1000)),
    )
    .registerFunction(
      'int(google.protobuf.Duration): int',
      ({ seconds, nanos }: Duration) => seconds * 1_000_000_000n + BigInt(nanos),
    )
    .registerFunction('timestamp(google.protobuf.Timestamp): google.protobuf.Timestamp', (time: Date) => time)
    .registerFunction(
      'duration(google.protobuf.Duration): google.protobuf.Duration',
      (time: Duration) => time,
    )
    .registerFunction('duration(int): google.protobuf.Duration', () => {
      throw new Error("type conversion error from 'int' to 'google.protobuf.Duration'");
    })
    .registerFunction('list<A>.first(): optional<A>', (list: List) => Optional.of(list[0]))
    .registerFunction('list<A>.last(): optional<A>', (list: List) => Optional.of(list.at(-1)));
}

function sameOptional(a: Optional, b: Optional): boolean {
  if (!a.hasValue() || !b.hasValue()) return a.hasValue() === b.hasValue();
  return celEqual(a.value(), b.value());
}
