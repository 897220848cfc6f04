/** Draws what the controller of the work queue does, beside others, for its README: `node scripts/draw-scaling.ts`. */
import { writeFile } from 'node:fs/promises';
import { scalingSvg } from './scaling-plot.ts';

await writeFile(new URL('../functions/batch/work-queue/scaling.svg', import.meta.url), scalingSvg());
