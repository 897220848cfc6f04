import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { intrinsicOf, SUBSTITUTION } from './intrinsics.ts';
import { isList, isObject, type Resource } from './template.ts';

const namesInText = (text: string): readonly string[] =>
  [...text.matchAll(SUBSTITUTION)].flatMap(([, escape, name]) =>
    escape === '' && name !== undefined ? [name.trim().split('.')[0] ?? ''] : [],
  );

const namesOfIntrinsic = (name: string, argument: Json): readonly string[] => {
  const first = isList(argument) ? argument[0] : argument;
  if (typeof first !== 'string') return [];
  if (name === 'Ref') return [first];
  if (name === 'Fn::GetAtt') return [first.split('.')[0] ?? ''];
  return name === 'Fn::Sub' ? namesInText(first) : [];
};

/** Every name that the value refers to, whether it is a resource or not, in both branches of a condition. */
const namesIn = (value: Json): readonly string[] => {
  if (isList(value)) return value.flatMap(namesIn);
  if (!isObject(value)) return [];
  const intrinsic = intrinsicOf(value);
  const own = intrinsic === undefined ? [] : namesOfIntrinsic(...intrinsic);
  return [...own, ...Object.values(value).flatMap(namesIn)];
};

/**
 * The ids of the resources, each behind all that it refers to or depends on; otherwise in the order of the template.
 *
 * @throws {@link StackError} for a cycle, which it names, and for a `DependsOn` that names nothing.
 */
export const creationOrder = (resources: Readonly<Record<string, Resource>>): readonly string[] => {
  const ordered = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    if (ordered.has(id)) return;
    if (path.includes(id))
      throw new StackError(`Resources: a cycle, ${[...path.slice(path.indexOf(id)), id].join(' → ')}.`);
    const resource = resources[id];
    if (resource === undefined) return;
    const missing = resource.dependsOn.filter((each) => !Object.hasOwn(resources, each));
    if (missing.length > 0)
      throw new StackError(`Resources.${id}.DependsOn: there is no resource '${missing.join("', '")}'.`);
    const names = [...resource.dependsOn, ...namesIn(resource.properties)];
    for (const name of names) if (Object.hasOwn(resources, name)) visit(name, [...path, id]);
    ordered.add(id);
  };
  for (const id of Object.keys(resources)) visit(id, []);
  return [...ordered];
};
