/** Stages that run on one machine: `local`, and `local-…` for a second one beside it. */
export const isLocalStage = (stage: string): boolean => stage === 'local' || stage.startsWith('local-');
