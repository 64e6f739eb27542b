/** Compiles single rules, and says why a rule is refused, in the order in which kube-apiserver does. */

import type { Environment } from '@marcbachmann/cel-js';
import type { FieldError, JsonSchema, ValidationRule } from '../../types.ts';
import { mentions } from './adapt.ts';
import { type Compiled, compileExpression, type Program } from './compile-rule.ts';
import type { CostBudget } from './estimate/budget.ts';
import { type Declared, maxInRequest } from './estimate/declared.ts';
import { estimateCost } from './estimate/estimate.ts';
import { product } from './estimate/numbers.ts';
import { normaliseFieldPath } from './field-path.ts';
import type { CelType } from './types.ts';

/** A rule ready to run. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly usesOldSelf: boolean;
  /** Appended to the path of the value: `.name`, or nothing. */
  readonly fieldPath: string;
  readonly program: Program;
  readonly message: Program | undefined;
}

/** Where a rule is, and what it is about. */
export interface RuleSite {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly type: CelType;
  /** The list below which old and new values cannot be correlated. */
  readonly uncorrelatable: string | undefined;
  /** What is estimated of it; not where rules are compiled to run. */
  readonly sizes?: RuleSizes | undefined;
}

export interface RuleSizes {
  readonly budget: CostBudget;
  readonly declared: Declared;
  /** How many such values an object has at most; undefined without a bound. */
  readonly count: bigint | undefined;
}

type Success = Extract<Compiled, { ok: true }>;

/** Compiles rules of one schema; `faults` are the reasons why rules are refused. */
export class RuleCompiler {
  readonly faults: FieldError[] = [];
  readonly #environment: Environment;

  /** The types of the schema must be declared in the environment. */
  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** None if the rule does not compile. */
  compile(rule: ValidationRule, site: RuleSite): CompiledRule[] {
    const compiled = this.#rule(rule, site);
    const message = compiled === undefined ? undefined : this.#message(rule, site);
    const old = compiled !== undefined && mentions(compiled.syntax, 'oldSelf');
    this.#checkOldSelf(rule, site, old);
    if (compiled === undefined) return [];
    const fieldPath =
      rule.fieldPath === undefined ? '' : (normaliseFieldPath(rule.fieldPath, site.schema) ?? '');
    return [{ rule, usesOldSelf: old, fieldPath, program: compiled.program, message: message?.program }];
  }

  #rule(rule: ValidationRule, site: RuleSite): Success | undefined {
    const field = `${site.path}.rule`;
    const compiled = this.#expression(rule.rule, 'bool', rule, site);
    if (compiled.ok) this.#estimate(field, 'rule', compiled, rule, site);
    else this.#refuse(field, rule, compiled.problem);
    return compiled.ok ? compiled : undefined;
  }

  #message(rule: ValidationRule, site: RuleSite): Success | undefined {
    if (rule.messageExpression === undefined || rule.messageExpression === '') return undefined;
    const field = `${site.path}.messageExpression`;
    const compiled = this.#expression(rule.messageExpression, 'string', rule, site);
    if (compiled.ok) this.#estimate(field, 'messageExpression', compiled, rule, site);
    else this.#refuse(field, rule, `messageExpression ${compiled.problem}`);
    return compiled.ok ? compiled : undefined;
  }

  #expression(source: string, wanted: 'bool' | 'string', rule: ValidationRule, { type }: RuleSite): Compiled {
    // Only what is formatted may be of mixed types.
    const mixed = /\.\s*format\s*\(/.test(source) ? { homogeneousAggregateLiterals: false } : {};
    const environment = this.#environment.clone(mixed);
    environment.registerVariable('self', type.name);
    environment.registerVariable(
      'oldSelf',
      rule.optionalOldSelf === true ? `optional<${type.name}>` : type.name,
    );
    return compileExpression(environment, source, wanted);
  }

  /** A rule runs on every value, its message is made for one. */
  #estimate(
    field: string,
    what: 'rule' | 'messageExpression',
    { syntax }: Success,
    rule: ValidationRule,
    { sizes }: RuleSite,
  ): void {
    if (sizes === undefined) return;
    const { budget, declared, count = maxInRequest(declared) } = sizes;
    const cost = estimateCost(syntax, declared, rule.optionalOldSelf === true);
    this.faults.push(...budget.add(field, what, what === 'rule' ? product(cost, count) : cost));
  }

  #checkOldSelf(rule: ValidationRule, { path, uncorrelatable }: RuleSite, isUsed: boolean): void {
    if (isUsed && uncorrelatable !== undefined) {
      const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
      this.faults.push({ type: 'Invalid', field: `${path}.rule`, value: rule.rule, detail });
    }
    if (isUsed || rule.optionalOldSelf === undefined) return;
    const detail = 'may not be set if oldSelf is not used in rule';
    this.faults.push({
      type: 'Invalid',
      field: `${path}.optionalOldSelf`,
      value: rule.optionalOldSelf,
      detail,
    });
  }

  #refuse(field: string, rule: ValidationRule, detail: string): void {
    this.faults.push({ type: 'Invalid', field, valueText: printRule(rule), value: rule, detail });
  }
}

/** The rule as Go prints the internal struct that holds it: in JSON that may stand in HTML. */
function printRule(rule: ValidationRule): string {
  const text = JSON.stringify({
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  });
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
