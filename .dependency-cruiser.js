/** The layers of docs/architecture.md. Arrows go one way: functions → patterns, http → resilience → ports ← backends. */

const backends = '^lib/primitives/(aws|memory)/|^lib/primitives/system-';
const patterns = '^lib/(single-node|serving|batch)/';
const port = '^lib/primitives/[^/]+\\.ts$';

/** `from` may import, of this repository, only what `only` matches (and itself). */
const layer = (name, comment, from, ...only) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(lib|functions|localstack|scripts|test)/', pathNot: [from, ...only].join('|') },
});

export default {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Files that need each other are one file, or lack a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'What cannot be resolved is not seen by the other rules.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'A package must be in package.json, and one that users need must not be a devDependency.',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'],
        // Types of Node, which every user has; and an optional peer, loaded with the first image.
        pathNot: 'node_modules/(@types/node|sharp)/',
      },
    },
    layer('ports', 'The ports know nothing of what implements or uses them.', port, '^$'),
    layer('aws', 'A backend knows the ports and no pattern.', '^lib/primitives/aws/', port),
    layer('memory', 'A backend knows the ports and no pattern.', '^lib/primitives/memory/', port),
    layer('event-sources', 'The rules of event sources know the ports only.', '^lib/event-sources/', port),
    layer(
      'simulation',
      'A world to run handlers in knows the memory backend and no pattern.',
      '^lib/simulation/',
      '^lib/event-sources/',
      '^lib/primitives/memory/',
      port,
    ),
    layer('resilience', 'Resilience knows the ports only.', '^lib/resilience/', port),
    layer('http', 'The HTTP shell knows resilience and the ports.', '^lib/http/', '^lib/resilience/', port),
    layer('patterns', 'Patterns know resilience and the ports.', patterns, '^lib/resilience/', port),
    layer('lib', 'The library knows nothing of the stack.', '^lib/'),
    layer('functions', 'Functions do not ask where they run.', '^functions/', '^lib/'),
    layer('localstack', 'What stands in for AWS is no part of a test.', '^localstack/', '^lib/', '^functions/'),
    {
      name: 'time-and-chance-from-outside',
      comment: 'A pattern gets its clock and its backend from the caller.',
      severity: 'error',
      from: { path: '^lib/(single-node|serving|batch|http|resilience|event-sources)/' },
      to: { path: backends },
    },
    {
      name: 'wiring-in-functions',
      comment:
        'In the folder of a pattern only wiring.ts names a backend; what fills buckets from outside (a demo, provision.ts) does, too.',
      severity: 'error',
      from: { path: '^functions/(single-node|serving|batch)/', pathNot: '/(wiring|demo|provision)\\.ts$' },
      to: { path: backends },
    },
    {
      name: 'patterns-apart-from-backends',
      comment: 'What is shared by functions, or stands in for AWS, may name backends, so it must not name a pattern.',
      severity: 'error',
      from: { path: '^(functions|localstack)/', pathNot: '^functions/(single-node|serving|batch)/.*(?<!/demo)\\.ts$' },
      to: { path: patterns },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.stack|\\.esbuild|\\.serverless|test/bench)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
