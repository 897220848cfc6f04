import { fragmentOf } from '#batch/event-driven/fragment';
import { builtIn } from './pipelines.ts';

const SETTINGS = '${self:custom.settings';

/** What `generate.ts` writes: the resources of the pipelines, and the function that runs their stages. */
export const generated = () => {
  const fragment = fragmentOf({
    pipelines: builtIn({ misbehaves: false }),
    prefix: '${self:service}-${sls:stage}-event-driven',
    idPrefix: 'EventDriven',
    visibilityTimeout: `${SETTINGS}.visibilityTimeoutS}`,
    maxReceiveCount: `${SETTINGS}.maxReceiveCount}`,
    // On one machine each is a thread of some 30 MB.
    maximumConcurrency: 2,
  });
  const { resources, outputs, environment, permissions, events } = fragment;
  return {
    resources: { Resources: resources, Outputs: outputs },
    functions: {
      eventDrivenStage: {
        name: '${self:service}-${sls:stage}-event-driven-stage',
        handler: 'functions/batch/event-driven/stage.handler',
        timeout: `${SETTINGS}.workerTimeoutS}`,
        environment: {
          PIPELINES_TABLE: { Ref: 'EventDrivenPipelinesTable' },
          MAX_RECEIVE_COUNT: `${SETTINGS}.maxReceiveCount}`,
          VISIBILITY_TIMEOUT_S: `${SETTINGS}.visibilityTimeoutS}`,
          ...environment,
        },
        permissions: {
          EventDrivenPipelinesTable: ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'DeleteItem'],
          ...permissions,
        },
        events,
      },
    },
  };
};
