// Plugins are named from the service's own folder.
export { default } from '../../localstack/plugin.ts';
