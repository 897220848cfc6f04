import type { EventDriven } from '#batch/event-driven/event-driven';
import { problem, type Handlers } from '#http/handlers';
import { badCursor } from '../bad-cursor.ts';
import type { eventDrivenApi } from './api.ts';

const noPipeline = (name: string) => problem(404, { detail: `There is no pipeline '${name}' with this.` });

export const eventDrivenHandlers = (batch: EventDriven): Handlers<typeof eventDrivenApi> => ({
  submit: async ({ params: { name }, body: { events }, operationId, traceparent }) => {
    if (!batch.pipelines.has(name)) return noPipeline(name);
    await batch.submit(name, operationId, events, traceparent);
    return { status: 202, body: { pipeline: name, accepted: events.length } };
  },
  pipeline: async ({ params: { name } }) => {
    const progress = await batch.progress(name);
    return progress === undefined ? noPipeline(name) : { status: 200, body: progress };
  },
  output: async ({ params: { name }, query: { cursor } }) => {
    const page = await batch.output(name, cursor);
    if (page === undefined) return noPipeline(name);
    return page === 'bad-cursor' ? badCursor() : { status: 200, body: page };
  },
});
