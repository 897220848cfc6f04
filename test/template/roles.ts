import { rmSync } from 'node:fs';
import { startInProcess } from './in-process.ts';
import { packageService } from './package.ts';
import { allowedTo } from './permissions.ts';

/**
 * The packaged service, its functions to be driven in this process, and what their roles say of what they then used: each
 * use is `<resource>.<action>`.
 *
 * @param settings Environment variables beside those of this process.
 */
export const startWithRoles = async (settings: Readonly<Record<string, string>>) => {
  const { folder, template } = await packageService('local', settings);
  rmSync(folder, { recursive: true, force: true });
  const stack = await startInProcess(template);
  return {
    ...stack,
    template,
    /** What the function used although its role does not allow it. */
    refused: (functionId: string): readonly string[] =>
      [...stack.usedBy(functionId)].filter((use) => !allowedTo(template, functionId).has(use)),
    /** What its role allows and the function did not use, behind the function's id. */
    idle: (functionId: string): readonly string[] =>
      [...allowedTo(template, functionId)]
        .filter((use) => !stack.usedBy(functionId).has(use))
        .map((use) => `${functionId}.${use}`),
  };
};

export type StackWithRoles = Awaited<ReturnType<typeof startWithRoles>>;
