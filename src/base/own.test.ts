import { expect, it } from 'vitest';
import { own, setOwn } from './own.ts';

it('a field is what the record itself has', () => {
  expect(own({ a: 1 }, 'a')).toBe(1);
  expect(['constructor', 'toString', '__proto__', 'b'].map((name) => own({ a: 1 }, name))).toEqual(
    Array(4).fill(undefined),
  );
  expect(own(undefined, 'a')).toBeUndefined();
  expect(own(JSON.parse('{"__proto__": 1}'), '__proto__')).toBe(1);
});

it('a field may have any name, and no name changes the prototype', () => {
  const record: Record<string, object> = {};
  for (const name of ['__proto__', 'constructor']) setOwn(record, name, { a: name });
  expect(JSON.stringify(record)).toBe('{"__proto__":{"a":"__proto__"},"constructor":{"a":"constructor"}}');
  expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
});
