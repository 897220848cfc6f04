// The framework takes only plugins of the folder of its service.
export { default } from '../../../localstack/plugin.ts';
