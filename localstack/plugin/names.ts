import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { evaluate, type Scope } from './intrinsics.ts';
import type { Place } from './resources/clients.ts';
import type { Made } from './resources/type.ts';
import type { Template } from './template.ts';

/** What `Ref` gives for the names that every template has. */
const pseudoParameters = (stackName: string, { region, accountId }: Place): Readonly<Record<string, Json>> => ({
  'AWS::AccountId': accountId,
  'AWS::NotificationARNs': [],
  'AWS::Partition': 'aws',
  'AWS::Region': region,
  'AWS::StackId': `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/local`,
  'AWS::StackName': stackName,
  'AWS::URLSuffix': 'amazonaws.com',
});

/**
 * What the names of a template stand for. `made` is read when a name is looked up, so it may still grow: whoever makes
 * resources in their order finds each there.
 */
export const templateScope = (options: {
  readonly template: Template;
  readonly stackName: string;
  readonly place: Place;
  readonly made: ReadonlyMap<string, Made>;
}): Scope => {
  const { template, made } = options;
  const pseudo = pseudoParameters(options.stackName, options.place);
  const deciding = new Set<string>();

  const valueOf = (id: string): Made => {
    const found = made.get(id);
    if (found !== undefined) return found;
    const type = template.resources[id]?.type;
    if (type !== undefined)
      throw new StackError(`'${id}' (${type}) has no value on this machine: it is not made here.`);
    throw new StackError(`There is no resource, function or pseudo-parameter '${id}' in the template.`);
  };

  const scope: Scope = {
    ref: (name) => pseudo[name] ?? valueOf(name).ref,
    attribute: (id, name) => {
      const { attributes } = valueOf(id);
      const value = attributes[name];
      if (value !== undefined) return value;
      throw new StackError(
        `'${id}' has no attribute '${name}'. Known: ${Object.keys(attributes).join(', ') || 'none'}.`,
      );
    },
    condition: (name) => {
      const condition = template.conditions[name];
      if (condition === undefined) throw new StackError(`There is no condition '${name}' in the template.`);
      if (deciding.has(name)) throw new StackError(`Conditions: '${name}' depends on itself.`);
      deciding.add(name);
      const value = evaluate(condition, { scope, where: `Conditions.${name}` });
      deciding.delete(name);
      if (typeof value === 'boolean') return value;
      throw new StackError(`Conditions.${name}: expected a condition, got ${JSON.stringify(value)}.`);
    },
  };
  return scope;
};
