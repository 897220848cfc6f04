/** Writes the generated fragments: `node functions/batch/event-driven/generate.ts`, then `npx oxfmt functions`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { dump } from 'js-yaml';
import { generated } from './template.ts';

const HEAD = '# Made by generate.ts from pipelines.ts: change those, and make it again. A test compares.\n';
const { functions, resources } = generated();
for (const [file, content] of [
  ['stage.functions.yml', functions],
  ['pipelines.resources.yml', resources],
] as const)
  writeFileSync(path.join(import.meta.dirname, file), HEAD + dump(content, { noRefs: true, lineWidth: 120 }));
