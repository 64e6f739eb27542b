/** Compiles the rules of a schema into a tree of the schema's shape, and collects their faults. */

import type { Environment } from '@marcbachmann/cel-js';
import { own } from '../../../base/own.ts';
import type { FieldError, JsonSchema, ValidationRule } from '../../types.ts';
import { type Compiled, compileExpression, type Program, usesOldSelf } from './compile-rule.ts';
import { kubernetesEnvironment } from './environment.ts';
import { normaliseFieldPath } from './field-path.ts';
import { type CelType, TypeDeclarer } from './types.ts';
import { writingFaults } from './writing-faults.ts';

/** A rule ready to run. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly usesOldSelf: boolean;
  /** Appended to the path of the value: `.name`, or nothing. */
  readonly fieldPath: string;
  readonly program: Program;
  readonly message: Program | undefined;
}

/** The rules of one schema and of the schemas below it. */
export interface RuleNode {
  readonly schema: JsonSchema;
  readonly type: CelType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly allOf: readonly RuleNode[];
}

/** The rules of a schema, and the faults for which a CRD with this schema is refused. */
export interface RuleTree {
  readonly root: RuleNode | undefined;
  readonly errors: readonly FieldError[];
}

/** Compiles all rules of a resource's schema. Paths of faults start with `path`, as kube prints them. */
export function compileRules(schema: JsonSchema, path: string): RuleTree {
  if (!hasRules(schema)) return { root: undefined, errors: [] };
  const compiler = new TreeCompiler();
  const root = compiler.node(schema, schema, { path, uncorrelatable: undefined, root: true });
  return { root, errors: [...compiler.writingFaults, ...compiler.faults] };
}

function hasRules(schema: JsonSchema): boolean {
  if ((schema['x-kubernetes-validations'] ?? []).length > 0) return true;
  const extra = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
  const items = schema.items === undefined ? [] : [schema.items];
  const below = [...Object.values(schema.properties ?? {}), ...extra, ...items, ...(schema.allOf ?? [])];
  return below.some(hasRules);
}

interface Place {
  readonly path: string;
  /** The list below which old and new values cannot be correlated. */
  readonly uncorrelatable: string | undefined;
  readonly root: boolean;
}

function rulePath({ path }: Place, index: number): string {
  return `${path}.x-kubernetes-validations[${index}]`;
}

class TreeCompiler {
  /** Faults in the writing of rules; if there are any, rules around them are not compiled. */
  readonly writingFaults: FieldError[] = [];
  readonly faults: FieldError[] = [];
  private readonly environment: Environment = kubernetesEnvironment();
  private readonly types = new TypeDeclarer(this.environment);
  /** Types must all be declared before the environment is cloned for the first rule. */
  private started = false;

  /** `rules` holds the rules, `shape` the types: they differ in `allOf`, which adds rules to the shape around it. */
  node(rules: JsonSchema, shape: JsonSchema, place: Place): RuleNode | undefined {
    if (!this.started) this.types.declare(shape, true);
    this.started = true;
    if (!hasRules(rules)) return undefined;
    const type = this.types.declare(shape, place.root);
    const below = { ...place, root: false };
    const faultsBefore = this.writingFaults.length;
    const items = this.itemsOf(rules, shape, below);
    const additional = this.additionalOf(rules, shape, below);
    const properties = this.propertiesOf(rules, shape, below);
    const allOf = (rules.allOf ?? []).flatMap((part, index) => {
      const node = this.node(part, shape, { ...place, path: `${place.path}.allOf[${index}]` });
      return node === undefined ? [] : [node];
    });
    const own = rules['x-kubernetes-validations'] ?? [];
    for (const [index, rule] of own.entries()) {
      this.writingFaults.push(...writingFaults(rule, shape, rulePath(place, index)));
    }
    const wellWritten = this.writingFaults.length === faultsBefore;
    const compiled = wellWritten ? this.rulesOf(own, shape, type, place) : [];
    return { schema: shape, type, rules: compiled, items, additional, properties, allOf };
  }

  private itemsOf(rules: JsonSchema, shape: JsonSchema, place: Place): RuleNode | undefined {
    if (rules.items === undefined || shape.items === undefined) return undefined;
    const correlatable = shape['x-kubernetes-list-type'] === 'map';
    const uncorrelatable = place.uncorrelatable ?? (correlatable ? undefined : place.path);
    return this.node(rules.items, shape.items, { ...place, path: `${place.path}.items`, uncorrelatable });
  }

  private additionalOf(rules: JsonSchema, shape: JsonSchema, place: Place): RuleNode | undefined {
    const { additionalProperties: extra } = rules;
    const { additionalProperties: extraShape } = shape;
    if (typeof extra !== 'object' || typeof extraShape !== 'object') return undefined;
    return this.node(extra, extraShape, { ...place, path: `${place.path}.additionalProperties` });
  }

  private propertiesOf(rules: JsonSchema, shape: JsonSchema, place: Place): ReadonlyMap<string, RuleNode> {
    const nodes = new Map<string, RuleNode>();
    for (const [name, property] of Object.entries(rules.properties ?? {})) {
      const propertyShape = own(shape.properties, name);
      if (propertyShape === undefined) continue;
      const node = this.node(property, propertyShape, {
        ...place,
        path: `${place.path}.properties[${name}]`,
      });
      if (node !== undefined) nodes.set(name, node);
    }
    return nodes;
  }

  private rulesOf(
    rules: readonly ValidationRule[],
    shape: JsonSchema,
    type: CelType | undefined,
    place: Place,
  ): CompiledRule[] {
    return rules.flatMap((rule, index) => {
      const path = rulePath(place, index);
      if (type !== undefined) return this.compileRule(rule, shape, type, { ...place, path });
      const detail = 'failed to convert to declType for CEL validation rules';
      this.faults.push({ type: 'InternalError', field: path, detail });
      return [];
    });
  }

  private compileRule(rule: ValidationRule, shape: JsonSchema, type: CelType, place: Place): CompiledRule[] {
    const { path, uncorrelatable } = place;
    const oldType = rule.optionalOldSelf === true ? `optional<${type.name}>` : type.name;
    const variables = { self: type.name, oldSelf: oldType };
    const compiled = this.compile(rule.rule, 'bool', variables);
    if (!compiled.ok) this.refuse(`${path}.rule`, rule, compiled.problem);
    const message = this.compileMessage(variables, rule, path);
    const old = usesOldSelf(rule.rule);
    if (old && uncorrelatable !== undefined) {
      const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
      this.faults.push({ type: 'Invalid', field: `${path}.rule`, value: rule.rule, detail });
    }
    if (!old && rule.optionalOldSelf !== undefined) {
      const detail = 'may not be set if oldSelf is not used in rule';
      this.faults.push({
        type: 'Invalid',
        field: `${path}.optionalOldSelf`,
        value: rule.optionalOldSelf,
        detail,
      });
    }
    if (!compiled.ok) return [];
    const fieldPath = rule.fieldPath === undefined ? '' : (normaliseFieldPath(rule.fieldPath, shape) ?? '');
    return [{ rule, usesOldSelf: old, fieldPath, program: compiled.program, message }];
  }

  private compile(source: string, wanted: 'bool' | 'string', variables: Record<string, string>): Compiled {
    // Only what is formatted may be of mixed types.
    const mixed = /\.\s*format\s*\(/.test(source) ? { homogeneousAggregateLiterals: false } : {};
    const environment = this.environment.clone(mixed);
    for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);
    return compileExpression(environment, source, wanted);
  }

  private compileMessage(
    variables: Record<string, string>,
    rule: ValidationRule,
    path: string,
  ): CompiledRule['message'] {
    if (rule.messageExpression === undefined || rule.messageExpression === '') return undefined;
    const compiled = this.compile(rule.messageExpression, 'string', variables);
    if (compiled.ok) return compiled.program;
    this.refuse(`${path}.messageExpression`, rule, `messageExpression ${compiled.problem}`);
    return undefined;
  }

  private refuse(field: string, rule: ValidationRule, detail: string): void {
    this.faults.push({ type: 'Invalid', field, valueText: printRule(rule), value: rule, detail });
  }
}

/** The rule as Go prints the internal struct that holds it. */
function printRule(rule: ValidationRule): string {
  return JSON.stringify({
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  });
}
