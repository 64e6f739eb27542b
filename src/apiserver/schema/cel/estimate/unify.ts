/** Which types fit which, and what the parameters of generic functions stand for: cel-go's unification. */

import { DYN, type Type } from './types.ts';

/** What type parameters stand for. An attempt that fails can be taken back. */
class Bindings {
  readonly #types = new Map<string, Type>();
  #before: (readonly [name: string, type: Type | undefined])[] = [];

  get(name: string): Type | undefined {
    return this.#types.get(name);
  }

  set(name: string, type: Type): void {
    this.#before.push([name, this.#types.get(name)]);
    this.#types.set(name, type);
  }

  /** Keeps what the attempt binds only if it succeeds. */
  attempt(succeeds: () => boolean): boolean {
    this.#before = [];
    if (succeeds()) return true;
    for (const [name, type] of this.#before.toReversed()) {
      if (type === undefined) this.#types.delete(name);
      else this.#types.set(name, type);
    }
    return false;
  }
}

/** Keeps what type parameters stand for; a failed attempt to make types fit leaves no trace. */
export class Unifier {
  readonly #bindings = new Bindings();
  #count = 0;

  /** A parameter that nothing is known of. */
  fresh(): Type {
    this.#count += 1;
    return { kind: 'parameter', name: `_${this.#count}`, parameters: [] };
  }

  /** Whether each type can be used where the other list has its counterpart. */
  fitAll(types: readonly Type[], wanted: readonly Type[]): boolean {
    return this.#bindings.attempt(() => allFit(this.#bindings, types, wanted));
  }

  fit(type: Type, wanted: Type): boolean {
    return this.fitAll([type], [wanted]);
  }

  /** The more general of both types; undefined where neither fits the other. */
  join(a: Type, b: Type): Type | undefined {
    return this.fit(a, b) ? moreGeneral(a, b) : undefined;
  }

  /** The type with what is known of its parameters. */
  known(type: Type): Type {
    return replace(type, (name) => this.#bindings.get(name));
  }

  /** The type at the end, when parameters of which nothing is known stand for any type. */
  final(type: Type): Type {
    return replace(type, (name) => this.#bindings.get(name) ?? DYN);
  }

  /** The types with parameters of their own in place of those named. */
  instantiated(types: readonly Type[]): readonly Type[] {
    const own = new Map<string, Type>();
    return types.map((type) =>
      replace(type, (name) => {
        if (name.startsWith('_')) return undefined;
        const parameter = own.get(name) ?? this.fresh();
        own.set(name, parameter);
        return parameter;
      }),
    );
  }
}

function replace(type: Type, of: (parameter: string) => Type | undefined): Type {
  if (type.kind === 'parameter') {
    const found = of(type.name);
    return found === undefined ? type : replace(found, of);
  }
  if (type.parameters.length === 0) return type;
  return { ...type, parameters: type.parameters.map((inner) => replace(inner, of)) };
}

function allFit(bindings: Bindings, types: readonly Type[], wanted: readonly Type[]): boolean {
  return (
    types.length === wanted.length && types.every((type, index) => fits(bindings, type, wanted[index] ?? DYN))
  );
}

function fits(bindings: Bindings, a: Type, b: Type): boolean {
  if (b.kind === 'parameter') {
    const { valid, isBound } = stands(bindings, a, b);
    if (valid || isBound) return valid;
  }
  if (a.kind === 'parameter') return stands(bindings, b, a).valid;
  if (a.kind === 'dyn' || b.kind === 'dyn') return true;
  if (a.kind === 'null' || b.kind === 'null') return mayBeNull(a) && mayBeNull(b);
  if (a.kind === 'type') return b.kind === 'type';
  if (a.kind !== b.kind || a.name !== b.name || a.fields !== b.fields) return false;
  return allFit(bindings, a.parameters, b.parameters);
}

function mayBeNull({ kind }: Type): boolean {
  return ['null', 'opaque', 'struct', 'duration', 'timestamp'].includes(kind);
}

/** Whether the parameter can stand for the type; binds it if so. */
function stands(bindings: Bindings, type: Type, parameter: Type): { valid: boolean; isBound: boolean } {
  if (isSame(type, parameter)) return { valid: true, isBound: true };
  const bound = bindings.get(parameter.name);
  if (bound !== undefined) {
    if (isSame(type, bound)) return { valid: true, isBound: true };
    const valid = fits(bindings, type, bound);
    const general = moreGeneral(type, bound);
    if (valid && !occurs(bindings, parameter, general)) bindings.set(parameter.name, general);
    return { valid, isBound: true };
  }
  if (occurs(bindings, parameter, type)) return { valid: false, isBound: false };
  bindings.set(parameter.name, type);
  return { valid: true, isBound: false };
}

export function isSame(a: Type, b: Type): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.name !== b.name || a.fields !== b.fields) return false;
  if (a.parameters.length !== b.parameters.length) return false;
  return a.parameters.every((inner, index) => isSame(inner, b.parameters[index] ?? DYN));
}

function occurs(bindings: Bindings, parameter: Type, within: Type): boolean {
  if (isSame(parameter, within)) return true;
  if (within.kind !== 'parameter')
    return within.parameters.some((inner) => occurs(bindings, parameter, inner));
  const bound = bindings.get(within.name);
  return bound !== undefined && occurs(bindings, parameter, bound);
}

function moreGeneral(a: Type, b: Type): Type {
  return isLessSpecific(a, b) ? a : b;
}

function isLessSpecific(a: Type, b: Type): boolean {
  if (a.kind === 'dyn' || a.kind === 'parameter') return true;
  if (b.kind === 'dyn' || b.kind === 'parameter' || a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  if (a.name !== b.name || a.fields !== b.fields) return false;
  return a.parameters.every((inner, index) => isLessSpecific(inner, b.parameters[index] ?? DYN));
}
