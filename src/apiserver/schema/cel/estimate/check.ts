/** The types of an expression's parts, and which overloads of a function each call may mean: cel-go's checker. */

import { ACCUMULATOR, type Call, type Expression, type Loop } from './expression.ts';
import { FUNCTIONS, OPTIONAL_FIELD, type Overload } from './functions.ts';
import { BOOL, DYN, listOf, mapOf, optionalOf, TYPE_NAMES, type Type, typeOf, unwrapped } from './types.ts';
import { isSame, Unifier } from './unify.ts';

/** What is known of an expression whose types fit. */
export interface Checked {
  typeOf(expression: Expression): Type;
  /** None of a call that nothing fits. */
  overloadsOf(call: Expression): readonly Overload[];
}

/** Checks an expression in which these variables have a value. */
export function check(expression: Expression, variables: ReadonlyMap<string, Type>): Checked {
  const checker = new Checker(variables);
  checker.check(expression);
  return {
    typeOf: (part) => checker.unifier.final(checker.types.get(part) ?? DYN),
    overloadsOf: (part) => checker.overloads.get(part) ?? [],
  };
}

class Checker {
  readonly unifier = new Unifier();
  readonly types = new Map<Expression, Type>();
  readonly overloads = new Map<Expression, readonly Overload[]>();
  #variables: ReadonlyMap<string, Type>;

  constructor(variables: ReadonlyMap<string, Type>) {
    this.#variables = variables;
  }

  check(expression: Expression): Type {
    const type = this.#typeOf(expression);
    this.types.set(expression, type);
    return type;
  }

  #typeOf(expression: Expression): Type {
    switch (expression.kind) {
      case 'literal':
        return expression.type;
      case 'identifier':
        return this.#variables.get(expression.name) ?? named(expression.name);
      case 'selection': {
        const type = this.#field(expression.of, expression.field);
        return expression.isTest ? BOOL : type;
      }
      case 'call':
        return this.#call(expression);
      case 'list':
        return listOf(this.#joined(expression.items));
      case 'map': {
        const keys = this.#joined(expression.entries.map(([key]) => key));
        // Other keys fail when the rule runs; their types would grow without bound in `x.map(y, {y: y}).map(y, {y: y})`.
        const isKey = keys.parameters.length === 0 && keys.kind !== 'struct';
        return mapOf(isKey ? keys : DYN, this.#joined(expression.entries.map(([, value]) => value)));
      }
      case 'loop':
        return this.#loop(expression);
    }
  }

  #field(of: Expression, field: string): Type {
    const { type: target, isOptional } = unwrapped(this.unifier.known(this.check(of)));
    const type = this.#fieldOf(target, field);
    return isOptional ? optionalOf(type) : type;
  }

  #fieldOf(target: Type, field: string): Type {
    if (target.kind === 'map') return target.parameters[1] ?? DYN;
    if (target.kind === 'parameter') this.unifier.fit(DYN, target);
    return target.fields?.get(field) ?? DYN;
  }

  /** The type that all have in common; any, where they have none. */
  #joined(expressions: readonly Expression[]): Type {
    const types = expressions.map((expression) => this.check(expression));
    const [first, ...others] = types;
    if (first === undefined) return this.unifier.fresh();
    return others.reduce((before, type) => this.unifier.join(before, type) ?? DYN, first);
  }

  #call(call: Call): Type {
    if (call.name === '.?') return this.#optionalField(call);
    const args = call.args.map((arg) => this.check(arg));
    const receiver = call.receiver === undefined ? [] : [this.check(call.receiver)];
    return this.#resolve(call, [...receiver, ...args]);
  }

  #optionalField(call: Call): Type {
    const [of, field] = call.args;
    this.overloads.set(call, [OPTIONAL_FIELD]);
    if (of === undefined || field?.kind !== 'literal') return DYN;
    this.check(field);
    return optionalOf(unwrapped(this.#field(of, String(field.value))).type);
  }

  /** Several overloads fit values of any type; the result is then of any type, too, unless all have the same. */
  #resolve(call: Call, args: readonly Type[]): Type {
    const isMember = call.receiver !== undefined;
    const fitting: Overload[] = [];
    let result: Type | undefined;
    for (const overload of FUNCTIONS.get(call.name) ?? []) {
      if (overload.isMember !== isMember || !mayFit(args, overload.parameters)) continue;
      const [own = DYN, ...parameters] = this.unifier.instantiated([overload.result, ...overload.parameters]);
      if (!this.unifier.fitAll(args, parameters)) continue;
      fitting.push(overload);
      const type = this.unifier.known(own);
      result = result === undefined || result.kind === 'dyn' || isSame(result, type) ? (result ?? type) : DYN;
    }
    this.overloads.set(call, fitting);
    return result ?? DYN;
  }

  #loop(loop: Loop): Type {
    const range = this.unifier.known(this.check(loop.over));
    const start = this.check(loop.start);
    if (range.kind === 'parameter') this.unifier.fit(DYN, range);
    const isContainer = range.kind === 'list' || range.kind === 'map';
    const item = isContainer ? (range.parameters[0] ?? DYN) : DYN;
    const outside = this.#variables;
    const around = new Map(outside).set(ACCUMULATOR, start);
    this.#variables = new Map(around).set(loop.variable, item);
    this.check(loop.condition);
    this.unifier.fit(this.check(loop.step), start);
    this.#variables = around;
    const result = this.check(loop.result);
    this.#variables = outside;
    return this.unifier.known(result);
  }
}

/** Whether kinds alone allow it: most overloads of a function end here. */
function mayFit(args: readonly Type[], parameters: readonly Type[]): boolean {
  const isOpen = ({ kind }: Type): boolean => kind === 'dyn' || kind === 'parameter' || kind === 'null';
  return (
    args.length === parameters.length &&
    args.every((arg, index) => {
      const parameter = parameters[index] ?? DYN;
      return arg.kind === parameter.kind || isOpen(arg) || isOpen(parameter);
    })
  );
}

function named(name: string): Type {
  const type = TYPE_NAMES.get(name);
  return type === undefined ? DYN : typeOf(type);
}
