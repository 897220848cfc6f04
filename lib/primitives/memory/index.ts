/** The ports in memory: on a virtual clock and seeded chance, with every call counted and open to interception. */
export { memoryBus, type MemoryBus, type MemoryBusOptions, type PublishedEvent } from './bus.ts';
export { memoryClock, type MemoryClock } from './clock.ts';
export { memoryConcurrencyLimit } from './concurrency-limit.ts';
export { FAULT_KINDS, makesSense, type FaultKind, type FaultRule } from './fault-rules.ts';
export { CrashError, faults, type Faults, type FaultsOptions, type InjectedFault } from './faults.ts';
export { memoryInvoker, type MemoryFunction, type MemoryInvoker, type MemoryInvokerOptions } from './invoker.ts';
export { memoryObjects, type MemoryObjectsOptions } from './objects.ts';
export { memoryQueue, type MemoryQueueOptions } from './queue.ts';
export { seededRandom } from './random.ts';
export { memoryTable, type MemoryTable, type MemoryTableOptions } from './table.ts';
export { memoryWire, type Intercept, type MemoryWire, type Operation } from './wire.ts';
