/**
 * What all parts share: the ports of the primitives and the errors. Each pattern, and each backend, has a subpath of
 * its own, so that a function bundles only what it names.
 */
export * from './primitives/index.ts';
